#include "boxel/rows.hpp"

#include <algorithm>
#include <cstring>

namespace boxel {
namespace {

// The sample type a dtype's bytes already are, if any.
bool stands_for(DType dtype, Sample sample) {
  switch (dtype) {
    case DType::int8:
      return sample == Sample::int8;
    case DType::int16:
      return sample == Sample::int16;
    case DType::int32:
      return sample == Sample::int32;
    case DType::int64:
      return sample == Sample::int64;
    case DType::uint8:
      return sample == Sample::uint8;
    case DType::uint16:
      return sample == Sample::uint16;
    case DType::uint32:
      return sample == Sample::uint32;
    case DType::uint64:
      return sample == Sample::uint64;
    case DType::float32:
      return sample == Sample::float32;
    case DType::float64:
      return sample == Sample::float64;
    default:
      return false;  // bool bytes may be more than 1, float16 is widened
  }
}

void swap_items(std::byte* items, std::int64_t count, std::size_t size) {
  for (std::int64_t k = 0; k < count; ++k, items += size) std::reverse(items, items + size);
}

}  // namespace

std::size_t size_of_sample(Sample sample) {
  switch (sample) {
    case Sample::int8:
    case Sample::uint8:
      return 1;
    case Sample::int16:
    case Sample::uint16:
      return 2;
    case Sample::int32:
    case Sample::uint32:
    case Sample::float32:
      return 4;
    default:
      return 8;
  }
}

RowLoader::RowLoader(const KernelSet& kernels, const View& view, Sample sample, LaneLayout layout)
    : convert_(kernels.convert(view.dtype, view.swapped, sample)),
      transpose_(kernels.transpose(size_of(view.dtype))),
      sample_size_(size_of_sample(sample)),
      alignment_(size_of(view.dtype)) {
  int axis = layout.lengths.size() - 1;
  run_stride_ = layout.strides[axis];
  run_lanes_ = axis > 0 ? layout.lengths[axis] : 1;
  for (--axis; axis > 0 && layout.strides[axis] == run_stride_ * run_lanes_; --axis) {
    run_lanes_ *= layout.lengths[axis];
  }
  whole_ = axis < 0 || (axis == 0 && layout.strides[0] == run_stride_ * run_lanes_);
  as_stored_ = !view.swapped && stands_for(view.dtype, sample);
  ready_ = whole_ && as_stored_ && run_stride_ == static_cast<std::int64_t>(sample_size_);
  for (int outside = 0; outside <= axis; ++outside) {
    lengths_.push_back(layout.lengths[outside]);
    strides_.push_back(layout.strides[outside]);
  }
}

const void* RowLoader::load(const std::byte* in, std::int64_t positions, void* buffer) const {
  if (ready_ && reinterpret_cast<std::uintptr_t>(in) % alignment_ == 0) return in;
  if (whole_) {
    convert_(buffer, in, run_stride_, positions * run_lanes_);
    return buffer;
  }
  auto* out = static_cast<std::byte*>(buffer);
  Extents lengths = lengths_;
  lengths[0] = positions;
  walk(lengths, strides_, [&](std::int64_t offset) {
    convert_(out, in + offset, run_stride_, run_lanes_);
    out += run_lanes_ * static_cast<std::int64_t>(sample_size_);
  });
  return buffer;
}

bool RowLoader::load_across(const std::byte* in, std::int64_t step, int count, const RowRun& run,
                            std::byte* buffers, std::int64_t row_bytes, std::byte* items) const {
  const auto item = static_cast<std::int64_t>(alignment_);
  if (!whole_ || step != item || run_stride_ <= item) return false;
  const std::int64_t lanes = run.positions * run_lanes_;
  const std::int64_t readable = (lanes + run.reach * run_lanes_ - 1) * run_stride_ + count * item;
  const Columns columns{in,        run_stride_, lanes,
                        count,     readable,    run.ahead * run_lanes_ * run_stride_,
                        run.share, run.shares};
  if (as_stored_) {
    transpose_(buffers, row_bytes, columns);
    return true;
  }
  const std::int64_t item_bytes = lanes * item;
  transpose_(items, item_bytes, columns);
  for (int row = 0; row < count; ++row) {
    convert_(buffers + row * row_bytes, items + row * item_bytes, item, lanes);
  }
  return true;
}

std::int64_t RowLoader::run_stride(std::int64_t step) const {
  const auto item = static_cast<std::int64_t>(alignment_);
  return whole_ && as_stored_ && step == item && run_stride_ > item ? run_stride_ : 0;
}

RowStorer::RowStorer(const KernelSet& kernels, const View& view, Natural natural, LaneLayout layout)
    : cast_(kernels.cast(natural, view.dtype)),
      item_size_(size_of(view.dtype)),
      swapped_(view.swapped),
      natural_dtype_((natural == Natural::float64 && view.dtype == DType::float64) ||
                     (natural == Natural::int64 && view.dtype == DType::int64) ||
                     (natural == Natural::uint64 && view.dtype == DType::uint64)),
      layout_(layout) {}

bool RowStorer::contiguous(const std::byte* out, std::int64_t positions) const {
  if (swapped_ || reinterpret_cast<std::uintptr_t>(out) % item_size_ != 0) return false;
  auto expected = static_cast<std::int64_t>(item_size_);
  for (int axis = layout_.lengths.size() - 1; axis >= 0; --axis) {
    const std::int64_t length = axis == 0 ? positions : layout_.lengths[axis];
    if (length != 1 && layout_.strides[axis] != expected) return false;
    expected *= length;
  }
  return true;
}

void* RowStorer::direct(std::byte* out, std::int64_t positions) const {
  return natural_dtype_ && contiguous(out, positions) ? out : nullptr;
}

bool RowStorer::store(std::byte* out, const void* values, std::int64_t positions,
                      std::int64_t lanes, const std::uint8_t* failed, const void* fill,
                      void* buffer) const {
  const bool in_place = contiguous(out, positions);
  auto* items = in_place ? out : static_cast<std::byte*>(buffer);
  if (items != values && !cast_(items, values, lanes, fill)) return false;
  if (failed) {
    if (!fill) return false;
    for (std::int64_t l = 0; l < lanes; ++l) {
      if (failed[l]) {
        std::memcpy(items + static_cast<std::size_t>(l) * item_size_, fill, item_size_);
      }
    }
  }
  if (!in_place) scatter(out, items, positions, lanes);
  return true;
}

void RowStorer::scatter(std::byte* out, std::byte* values, std::int64_t positions,
                        std::int64_t lanes) const {
  if (swapped_) swap_items(values, lanes, item_size_);
  Extents lengths = layout_.lengths;
  lengths[0] = positions;
  walk(lengths, layout_.strides, [&](std::int64_t offset) {
    std::memcpy(out + offset, values, item_size_);
    values += item_size_;
  });
}

}  // namespace boxel
