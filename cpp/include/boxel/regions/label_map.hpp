// From labels to slots, the places of regions in a table: by a difference where the labels lie
// close together, by a hash table where they do not.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "boxel/regions/kernels.hpp"

namespace boxel {

__extension__ typedef __int128 WideLabel;  // holds int64 and uint64 alike

class LabelMap {
 public:
  // `background` never gets a slot. Labels within `dense_span` of each other are dense.
  LabelMap(const RegionKernels& kernels, std::optional<WideLabel> background,
           std::int64_t dense_span);

  std::int64_t slots() const { return slots_; }
  // No slot is the answer where the label was never met (in a dense map it may have one all the
  // same).
  std::int32_t find(WideLabel label) const;
  WideLabel label_of(std::int32_t slot) const;

  // Makes room for these labels. Where that moves slots, the new place of every old slot is
  // returned, else nothing.
  std::vector<std::int32_t> prepare(Sample type, const void* labels, std::int64_t count);
  // The slots of labels that were prepared for.
  void assign(Sample type, const void* labels, std::int64_t count, std::int32_t* slots);
  // The same for a single label.
  std::vector<std::int32_t> prepare(WideLabel label);
  std::int32_t assign(WideLabel label);

 private:
  std::vector<std::int32_t> make_room(WideLabel low, WideLabel high);
  std::vector<std::int32_t> become_sparse();
  std::int32_t insert(WideLabel label);
  void grow_hash();
  static std::uint64_t hash(WideLabel label);

  const RegionKernels* kernels_;
  std::optional<WideLabel> background_;
  std::int64_t dense_span_;
  bool dense_ = true;
  bool empty_ = true;
  std::int64_t slots_ = first_slot;
  WideLabel base_ = 0;               // dense: the label of the first slot
  std::vector<WideLabel> labels_;    // sparse: by slot
  std::vector<std::int32_t> table_;  // sparse: slots by hash, no_slot where free
};

}  // namespace boxel
