#include "boxel/regions/label_map.hpp"

#include <algorithm>
#include <stdexcept>

namespace boxel {
namespace {

constexpr std::int64_t most_slots = std::int64_t{1} << 30;

WideLabel wide(std::uint64_t bits, bool is_signed) {
  return is_signed ? WideLabel{static_cast<std::int64_t>(bits)} : WideLabel{bits};
}

bool is_signed(Sample type) {
  return type == Sample::int8 || type == Sample::int16 || type == Sample::int32 ||
         type == Sample::int64;
}

// Calls visit(labels) with labels of their own type.
template <class Visit>
void with_labels(Sample type, const void* labels, Visit&& visit) {
  switch (type) {
    case Sample::int8:
      return visit(static_cast<const std::int8_t*>(labels));
    case Sample::int16:
      return visit(static_cast<const std::int16_t*>(labels));
    case Sample::int32:
      return visit(static_cast<const std::int32_t*>(labels));
    case Sample::int64:
      return visit(static_cast<const std::int64_t*>(labels));
    case Sample::uint8:
      return visit(static_cast<const std::uint8_t*>(labels));
    case Sample::uint16:
      return visit(static_cast<const std::uint16_t*>(labels));
    case Sample::uint32:
      return visit(static_cast<const std::uint32_t*>(labels));
    case Sample::uint64:
      return visit(static_cast<const std::uint64_t*>(labels));
    default:
      throw std::logic_error("labels are integers");
  }
}

}  // namespace

LabelMap::LabelMap(const RegionKernels& kernels, std::optional<WideLabel> background,
                   std::int64_t dense_span)
    : kernels_(&kernels), background_(background), dense_span_(dense_span) {}

std::int32_t LabelMap::find(WideLabel label) const {
  if (background_ && label == *background_) return no_slot;
  if (dense_) {
    const WideLabel slot = label - base_ + first_slot;
    return slot >= first_slot && slot < slots_ ? static_cast<std::int32_t>(slot) : no_slot;
  }
  const std::size_t mask = table_.size() - 1;
  for (std::size_t place = hash(label) & mask; table_[place] != no_slot;
       place = (place + 1) & mask) {
    if (labels_[static_cast<std::size_t>(table_[place])] == label) return table_[place];
  }
  return no_slot;
}

WideLabel LabelMap::label_of(std::int32_t slot) const {
  return dense_ ? base_ + slot - first_slot : labels_[static_cast<std::size_t>(slot)];
}

std::vector<std::int32_t> LabelMap::prepare(Sample type, const void* labels, std::int64_t count) {
  if (!dense_) return {};
  const LabelRange range = kernels_->label_range(type, labels, count);
  return make_room(wide(range.low, is_signed(type)), wide(range.high, is_signed(type)));
}

std::vector<std::int32_t> LabelMap::prepare(WideLabel label) {
  return dense_ ? make_room(label, label) : std::vector<std::int32_t>();
}

void LabelMap::assign(Sample type, const void* labels, std::int64_t count, std::int32_t* slots) {
  if (dense_) {
    // A background that the labels' type does not hold is none of them.
    const bool held =
        background_ && (is_signed(type) ? *background_ < (WideLabel{1} << 63) : *background_ >= 0);
    const std::uint64_t background = held ? static_cast<std::uint64_t>(*background_) : 0;
    kernels_->label_slots(type, labels, count, static_cast<std::uint64_t>(base_),
                          held ? &background : nullptr, slots);
    return;
  }
  with_labels(type, labels, [&](const auto* typed) {
    auto label = typed[0];
    std::int32_t slot = assign(WideLabel{label});
    for (std::int64_t p = 0; p < count; ++p) {
      if (typed[p] != label) {
        label = typed[p];
        slot = assign(WideLabel{label});
      }
      slots[p] = slot;
    }
  });
}

std::int32_t LabelMap::assign(WideLabel label) {
  if (background_ && label == *background_) return no_slot;
  const std::int32_t found = find(label);
  return dense_ || found != no_slot ? found : insert(label);
}

// Slots are added at the end where they can, and else move once for many new labels.
std::vector<std::int32_t> LabelMap::make_room(WideLabel low, WideLabel high) {
  if (empty_) {
    // Labels usually count from 1 on, and the lowest need not come first.
    base_ = low >= 0 && high < dense_span_ ? 0 : low;
    if (high - base_ >= dense_span_) return become_sparse();
    empty_ = false;
    slots_ = static_cast<std::int64_t>(high - base_) + 1 + first_slot;
    return {};
  }
  const WideLabel top = base_ + (slots_ - first_slot);
  if (low >= base_ && high < top) return {};
  const WideLabel new_top = std::max(top, high + 1);
  WideLabel new_base = std::min(base_, low);
  if (new_top - new_base > dense_span_) return become_sparse();
  std::vector<std::int32_t> moves;
  if (new_base < base_) {
    new_base = std::max(new_top - dense_span_, new_base - (new_top - new_base) / 2);
    const auto shift = static_cast<std::int32_t>(base_ - new_base);
    for (std::int32_t slot = 0; slot < slots_; ++slot) {
      moves.push_back(slot < first_slot ? slot : slot + shift);
    }
    base_ = new_base;
  }
  slots_ = static_cast<std::int64_t>(new_top - new_base) + first_slot;
  return moves;
}

// All slots stay where they are: each keeps its label.
std::vector<std::int32_t> LabelMap::become_sparse() {
  labels_.assign(first_slot, 0);
  for (std::int64_t slot = first_slot; slot < slots_; ++slot) {
    labels_.push_back(base_ + slot - first_slot);
  }
  dense_ = false;
  table_.assign(1024, no_slot);
  while (table_.size() < 2 * labels_.size()) table_.resize(2 * table_.size(), no_slot);
  grow_hash();
  return {};
}

std::int32_t LabelMap::insert(WideLabel label) {
  if (slots_ >= most_slots) throw std::length_error("more than 2^30 regions in one table");
  const auto slot = static_cast<std::int32_t>(slots_++);
  labels_.push_back(label);
  if (2 * labels_.size() > table_.size()) {
    table_.resize(2 * table_.size());
    grow_hash();
    return slot;
  }
  const std::size_t mask = table_.size() - 1;
  std::size_t place = hash(label) & mask;
  while (table_[place] != no_slot) place = (place + 1) & mask;
  table_[place] = slot;
  return slot;
}

// Enters all labels anew into a table of another size.
void LabelMap::grow_hash() {
  std::ranges::fill(table_, no_slot);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t slot = first_slot; slot < labels_.size(); ++slot) {
    std::size_t place = hash(labels_[slot]) & mask;
    while (table_[place] != no_slot) place = (place + 1) & mask;
    table_[place] = static_cast<std::int32_t>(slot);
  }
}

// The finaliser of MurmurHash3: labels that are multiples of a power of two must not collide.
std::uint64_t LabelMap::hash(WideLabel label) {
  auto bits = static_cast<std::uint64_t>(label);
  bits = (bits ^ (bits >> 33)) * 0xff51afd7ed558ccdull;
  bits = (bits ^ (bits >> 33)) * 0xc4ceb9fe1a85ec53ull;
  return bits ^ (bits >> 33);
}

}  // namespace boxel
