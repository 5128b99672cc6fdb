// The table of the kernels above.

namespace boxel::BOXEL_KERNELS {

inline TakeRegions choose_take_sample(StateKind kind, Sample type) {
  switch (type) {
    case Sample::float32:
      return choose_take<float>(kind);
    case Sample::float64:
      return choose_take<double>(kind);
    default:
      return visit_label(type,
                         [=]<class T>(std::type_identity<T>) { return choose_take<T>(kind); });
  }
}

inline TakeBlock choose_block_sample(Sample type, std::int64_t channels, bool masked) {
  switch (type) {
    case Sample::float32:
      return choose_block<float>(channels, masked);
    case Sample::float64:
      return choose_block<double>(channels, masked);
    default:
      return visit_label(
          type, [=]<class T>(std::type_identity<T>) { return choose_block<T>(channels, masked); });
  }
}

inline constexpr RegionKernels region_table{
    BOXEL_KERNELS_NAME,  label_range, label_slots, slot_changes,         choose_take_sample,
    choose_block_sample, expand_mask, count_mask,  choose_packed_sample,
};

}  // namespace boxel::BOXEL_KERNELS
