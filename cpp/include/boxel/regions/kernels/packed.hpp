// Sums of all channels of a pixel, and the count of pixels, as one vector that is added to the
// entry of its slot: a load, an addition and a store per pixel.

namespace boxel::BOXEL_KERNELS {

// Unsigned, because the entry of pixels that count nowhere may wrap; signed sums are read back from
// their bits.
template <class T>
using PackedSum =
    std::conditional_t<std::is_floating_point_v<T>, double,
                       std::conditional_t<sizeof(T) == 1, std::uint32_t, std::uint64_t>>;

template <class T, int Channels, int Width>
class Packed {
  static_assert(Channels < Width);
  using A = PackedSum<T>;
  using U = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                               std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>>;
  typedef T Samples __attribute__((vector_size(Width * sizeof(T))));
  typedef U Bits __attribute__((vector_size(Width * sizeof(T))));
  typedef A Entry __attribute__((vector_size(Width * sizeof(A))));

 public:
  static constexpr std::int64_t entry_bytes = sizeof(Entry);

  static void add(std::byte* entries, std::int64_t copies, std::int64_t slots,
                  const RegionSamples& from) {
    if (from.runs) return add_runs(entries, from);
    if (copies == 1) return add_scattered<1>(entries, slots, from);
    add_scattered<packed_copies>(entries, slots, from);
  }

  static void flush(std::byte* entries, std::int64_t copies, std::int64_t slots, std::int64_t used,
                    Lanes* counts, Lanes* sums, Lanes* nonzero) {
    Entry* table = reinterpret_cast<Entry*>(entries);
    for (std::int64_t slot = first_slot; slot < used; ++slot) {
      Entry sum = table[slot];
      for (std::int64_t copy = 1; copy < copies; ++copy) sum += table[copy * slots + slot];
      A values[Width];
      std::memcpy(values, &sum, sizeof(Entry));
      for (int c = 0; c < Channels; ++c) {
        const std::int64_t lane = slot * Channels + c;
        counts->row<std::int64_t>(0)[lane] += static_cast<std::int64_t>(values[Channels]);
        if (sums) add_sum(*sums, lane, values[c]);
        if (nonzero) nonzero->row<std::int64_t>(0)[lane] += static_cast<std::int64_t>(values[c]);
      }
    }
    for (std::int64_t copy = 0; copy < copies; ++copy) {
      std::memset(table + copy * slots, 0, static_cast<std::size_t>(used * entry_bytes));
    }
  }

 private:
  // Adds the samples of a pixel, and 1 to their count.
  static BOXEL_INLINE void add_pixel(Entry& entry, Samples pixel) {
    Bits keep = {};
    Bits one = {};
    for (int c = 0; c < Channels; ++c) keep[c] = static_cast<U>(~U{0});
    one[Channels] = std::bit_cast<U>(T{1});
    entry += __builtin_convertvector((Samples)(((Bits)pixel & keep) | one), Entry);
  }
  static BOXEL_INLINE void add_whole(Entry& entry, const T* samples) {
    Samples pixel;
    std::memcpy(&pixel, samples, sizeof(pixel));
    add_pixel(entry, pixel);
  }
  static BOXEL_INLINE void add_last(Entry& entry, const T* samples) {
    Samples pixel = {};
    for (int c = 0; c < Channels; ++c) pixel[c] = samples[c];
    add_pixel(entry, pixel);
  }

  template <int Copies>
  static void add_scattered(std::byte* entries, std::int64_t slots, const RegionSamples& from) {
    const T* samples = static_cast<const T*>(from.samples);
    Entry* table = reinterpret_cast<Entry*>(entries);
    // A load reads beyond its pixel, but not beyond the samples.
    const std::int64_t whole = std::max<std::int64_t>(0, from.pixels - Width);
    std::int64_t p = 0;
    for (; p + Copies <= whole; p += Copies) {
      for (int copy = 0; copy < Copies; ++copy) {
        add_whole(table[copy * slots + from.slots[p + copy]], samples + (p + copy) * Channels);
      }
    }
    for (; p < from.pixels; ++p) add_last(table[from.slots[p]], samples + p * Channels);
  }

  static void add_runs(std::byte* entries, const RegionSamples& from) {
    const T* samples = static_cast<const T*>(from.samples);
    Entry* table = reinterpret_cast<Entry*>(entries);
    const std::int64_t whole = std::max<std::int64_t>(0, from.pixels - Width);
    for (std::int64_t p = 0; p < from.pixels;) {
      const std::int32_t slot = from.slots[p];
      std::int64_t end = p + 1;
      while (end < from.pixels && from.slots[end] == slot) ++end;
      if (slot == no_slot) {
        p = end;
        continue;
      }
      Entry held[4] = {table[slot]};
      for (; p + 4 <= std::min(end, whole); p += 4) {
        for (int k = 0; k < 4; ++k) add_whole(held[k], samples + (p + k) * Channels);
      }
      for (; p < std::min(end, whole); ++p) add_whole(held[0], samples + p * Channels);
      for (; p < end; ++p) add_last(held[0], samples + p * Channels);
      table[slot] = (held[0] + held[1]) + (held[2] + held[3]);
    }
  }

  static void add_sum(Lanes sums, std::int64_t lane, A value) {
    if constexpr (std::is_floating_point_v<T>) {
      sums.row<double>(0)[lane] += value;
    } else {
      using Whole = std::conditional_t<std::is_signed_v<T>, std::make_signed_t<A>, A>;
      const auto wide = static_cast<std::int64_t>(static_cast<Whole>(value));
      add_halves(sums.row<std::int64_t>(0)[lane], sums.row<std::int64_t>(1)[lane], wide >> 32,
                 wide & 0xffffffff);
    }
  }
};

template <class T, int Channels, int Width>
inline constexpr PackedKernel packed_kernel{
    Packed<T, Channels, Width>::add, Packed<T, Channels, Width>::flush,
    Packed<T, Channels, Width>::entry_bytes,
    sizeof(T) == 1 ? std::int64_t{1} << 24 : std::int64_t{1} << 31};

template <class T>
const PackedKernel* choose_packed(std::int64_t channels) {
  switch (channels) {
    case 1:
      return &packed_kernel<T, 1, 2>;
    case 2:
      return &packed_kernel<T, 2, 4>;
    case 3:
      return &packed_kernel<T, 3, 4>;
    default:
      return nullptr;
  }
}

inline const PackedKernel* choose_packed_sample(Sample type, std::int64_t channels) {
  switch (type) {
    case Sample::int8:
      return choose_packed<std::int8_t>(channels);
    case Sample::int16:
      return choose_packed<std::int16_t>(channels);
    case Sample::int32:
      return choose_packed<std::int32_t>(channels);
    case Sample::uint8:
      return choose_packed<std::uint8_t>(channels);
    case Sample::uint16:
      return choose_packed<std::uint16_t>(channels);
    case Sample::uint32:
      return choose_packed<std::uint32_t>(channels);
    case Sample::float32:
      return choose_packed<float>(channels);
    default:
      return nullptr;
  }
}

}  // namespace boxel::BOXEL_KERNELS
