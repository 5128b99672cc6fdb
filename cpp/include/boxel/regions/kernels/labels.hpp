// From labels to slots. Labels are integers throughout: a float would lose those beyond 2^53.

namespace boxel::BOXEL_KERNELS {

template <class Visitor>
decltype(auto) visit_label(Sample type, Visitor&& visitor) {
  switch (type) {
    case Sample::int8:
      return visitor(std::type_identity<std::int8_t>{});
    case Sample::int16:
      return visitor(std::type_identity<std::int16_t>{});
    case Sample::int32:
      return visitor(std::type_identity<std::int32_t>{});
    case Sample::int64:
      return visitor(std::type_identity<std::int64_t>{});
    case Sample::uint8:
      return visitor(std::type_identity<std::uint8_t>{});
    case Sample::uint16:
      return visitor(std::type_identity<std::uint16_t>{});
    case Sample::uint32:
      return visitor(std::type_identity<std::uint32_t>{});
    case Sample::uint64:
      return visitor(std::type_identity<std::uint64_t>{});
    default:
      throw std::logic_error("labels are integers");
  }
}

// Two's complement of 64 bits.
template <class T>
BOXEL_INLINE std::uint64_t label_bits(T label) {
  if constexpr (std::is_signed_v<T>) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(label));
  } else {
    return label;
  }
}

inline LabelRange label_range(Sample type, const void* labels, std::int64_t count) {
  return visit_label(type, [=]<class T>(std::type_identity<T>) {
    const T* first = static_cast<const T*>(labels);
    T low = first[0];
    T high = first[0];
    for (std::int64_t p = 1; p < count; ++p) {
      low = first[p] < low ? first[p] : low;
      high = first[p] > high ? first[p] : high;
    }
    return LabelRange{label_bits(low), label_bits(high)};
  });
}

inline void label_slots(Sample type, const void* labels, std::int64_t count, std::uint64_t base,
                        const std::uint64_t* background, std::int32_t* slots) {
  visit_label(type, [=]<class T>(std::type_identity<T>) {
    const T* first = static_cast<const T*>(labels);
    // Slots are few: the low 32 bits of the difference are all of it.
    const auto shift = static_cast<std::uint32_t>(first_slot) - static_cast<std::uint32_t>(base);
    const auto slot_of = [=](T label) {
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(label_bits(label)) + shift);
    };
    const bool leaves_out = background && label_bits(static_cast<T>(*background)) == *background;
    if (!leaves_out) {
      for (std::int64_t p = 0; p < count; ++p) slots[p] = slot_of(first[p]);
      return;
    }
    const T left_out = static_cast<T>(*background);
    for (std::int64_t p = 0; p < count; ++p) {
      slots[p] = first[p] == left_out ? no_slot : slot_of(first[p]);
    }
  });
}

inline std::int64_t slot_changes(const std::int32_t* slots, std::int64_t count) {
  std::int32_t changes = 0;  // of a chunk: few
  for (std::int64_t p = 1; p < count; ++p) changes += slots[p] != slots[p - 1] ? 1 : 0;
  return changes;
}

}  // namespace boxel::BOXEL_KERNELS
