// Samples that follow one another in memory, made rows: eight of them at each of many positions.

namespace boxel::BOXEL_KERNELS {

// A vector as the 16-byte parts that the processor interleaves.
template <class U>
struct Parts {
  static constexpr int bytes = BOXEL_VECTOR_BYTES < 32 ? 16 : 32;
  static constexpr int parts = bytes / 16;
  static constexpr int items = 16 / static_cast<int>(sizeof(U));  // of a part
  typedef U Vector __attribute__((vector_size(bytes)));
  typedef std::uint64_t Words __attribute__((vector_size(bytes)));
  typedef std::uint64_t Part __attribute__((vector_size(16)));
};

// Takes items of a and of b in turn, from the lower or the upper half of each part.
template <class U, bool Upper, int... I>
BOXEL_INLINE void interleave(typename Parts<U>::Vector& out, const typename Parts<U>::Vector& a,
                             const typename Parts<U>::Vector& b, std::integer_sequence<int, I...>) {
  using P = Parts<U>;
  constexpr auto index = [](int item) constexpr {
    const int part = item / P::items;
    const int in_part = item % P::items;
    const int from = part * P::items + in_part / 2 + (Upper ? P::items / 2 : 0);
    return from + (in_part % 2) * P::items * P::parts;
  };
  out = __builtin_shufflevector(a, b, index(I)...);
}

// The eight samples from `in` on, and from `step` bytes later where they take half of a part.
template <class U>
BOXEL_INLINE typename Parts<U>::Part load_part(const std::byte* in, std::int64_t step) {
  typename Parts<U>::Part part;
  if constexpr (sizeof(U) == 1) {
    std::uint64_t low;
    std::uint64_t high;
    std::memcpy(&low, in, 8);
    std::memcpy(&high, in + step, 8);
    part = typename Parts<U>::Part{low, high};
  } else {
    static_cast<void>(step);
    std::memcpy(&part, in, 16);
  }
  return part;
}

// Eight samples at each of as many positions as a vector has items. All samples are numbered
// [position, row]; each round of interleaving rotates the bits of that number by one, until it is
// [row, position].
template <class U>
BOXEL_INLINE void transpose_block(typename Parts<U>::Vector* rows, const std::byte* in,
                                  std::int64_t stride) {
  using P = Parts<U>;
  constexpr int per_position = 8 * static_cast<int>(sizeof(U)) / 16;  // parts; 0: half a one
  constexpr auto sequence = std::make_integer_sequence<int, P::items * P::parts>{};
  typename P::Vector vectors[8];
  for (int k = 0; k < 8; ++k) {
    const std::int64_t position = per_position ? k / (per_position + !per_position) : 2 * k;
    const std::int64_t part = per_position ? k % (per_position + !per_position) : 0;
    const std::byte* place = in + position * stride + part * 16;
    const typename P::Part first = load_part<U>(place, stride);
    if constexpr (P::parts == 1) {
      vectors[k] = reinterpret_cast<typename P::Vector>(first);
    } else {
      const typename P::Part second = load_part<U>(place + P::items * stride, stride);
      const typename P::Words words = __builtin_shufflevector(first, second, 0, 1, 2, 3);
      vectors[k] = reinterpret_cast<typename P::Vector>(words);
    }
  }
  for (int round = 1; round < P::items; round *= 2) {
    for (int k = 0; k < 4; ++k) {
      interleave<U, false>(rows[2 * k], vectors[k], vectors[k + 4], sequence);
      interleave<U, true>(rows[2 * k + 1], vectors[k], vectors[k + 4], sequence);
    }
    for (int k = 0; k < 8; ++k) vectors[k] = rows[k];
  }
}

// Into the second-level cache, line by line between the loads: a burst of requests stops them.
BOXEL_INLINE void prefetch_columns(const Columns& columns, const std::byte* place,
                                   std::int64_t bytes) {
  constexpr auto line = static_cast<std::int64_t>(cache_line);
  const auto next = reinterpret_cast<std::uintptr_t>(place + columns.ahead);
  for (std::int64_t byte = columns.share * line; byte < bytes; byte += columns.shares * line) {
    __builtin_prefetch(reinterpret_cast<const void*>(next + static_cast<std::uintptr_t>(byte)), 0,
                       2);
  }
}

template <class U>
void transpose_rows(std::byte* out, std::int64_t row_bytes, const Columns& columns) {
  using P = Parts<U>;
  constexpr auto size = static_cast<std::int64_t>(sizeof(U));
  constexpr std::int64_t block = P::items * P::parts;
  const Columns c = columns;
  std::int64_t position = 0;
  const std::int64_t last = c.readable - 8 * size - (block - 1) * c.stride;
  for (; position + block <= c.count && position * c.stride <= last; position += block) {
    const std::byte* place = c.first + position * c.stride;
    if (c.ahead) prefetch_columns(c, place, block * c.stride);
    typename P::Vector vectors[8];
    transpose_block<U>(vectors, place, c.stride);
    std::byte* to = out + position * size;
    for (int row = 0; row < 8; ++row, to += row_bytes) {
      if (row < c.rows) std::memcpy(to, &vectors[row], P::bytes);
    }
  }
  for (; position < c.count; ++position) {
    for (int row = 0; row < c.rows; ++row) {
      std::memcpy(out + row * row_bytes + position * size,
                  c.first + position * c.stride + row * size, sizeof(U));
    }
  }
}

inline Transpose choose_transpose(std::size_t item) {
  switch (item) {
    case 1:
      return transpose_rows<std::uint8_t>;
    case 2:
      return transpose_rows<std::uint16_t>;
    case 4:
      return transpose_rows<std::uint32_t>;
    default:
      return transpose_rows<std::uint64_t>;
  }
}

}  // namespace boxel::BOXEL_KERNELS
