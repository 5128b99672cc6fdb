// Distances of fingerprints: rows against groups whose words are interleaved, so that each lane
// counts the bits of one fingerprint and nothing is summed across lanes.

namespace boxel::BOXEL_KERNELS {

#if defined(BOXEL_VECTOR_POPCOUNT)
// One instruction counts the bits of each lane.
template <int Rows>
BOXEL_ALWAYS_INLINE void common_bits(const std::uint64_t* rows, std::int64_t words,
                                     const std::uint64_t* group, std::int64_t* common) {
  static_assert(fingerprint_group * sizeof(std::uint64_t) == sizeof(__m512i));
  __m512i counts[Rows] = {};
  for (std::int64_t word = 0; word < words; ++word) {
    const __m512i lanes = _mm512_loadu_si512(group + word * fingerprint_group);
    for (int r = 0; r < Rows; ++r) {
      const __m512i bits = _mm512_set1_epi64(static_cast<long long>(rows[r * words + word]));
      counts[r] += _mm512_popcnt_epi64(_mm512_and_si512(bits, lanes));
    }
  }
  std::memcpy(common, counts, sizeof(counts));
}
#elif defined(BOXEL_SCALAR_POPCOUNT)
// One instruction counts the bits of a word, and vectors are too short to do better.
template <int Rows>
BOXEL_ALWAYS_INLINE void common_bits(const std::uint64_t* rows, std::int64_t words,
                                     const std::uint64_t* group, std::int64_t* common) {
  constexpr std::int64_t lanes = fingerprint_group;
  std::int64_t counts[Rows][lanes] = {};
  for (std::int64_t word = 0; word < words; ++word) {
    for (int r = 0; r < Rows; ++r) {
      const std::uint64_t bits = rows[r * words + word];
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        counts[r][lane] += std::popcount(bits & group[word * lanes + lane]);
      }
    }
  }
  std::memcpy(common, counts, sizeof(counts));
}
#else
// Adds words bit by bit as a carry-save adder does, so that the bits of eight words are counted by
// counting those of one. (R. W. Hamming's weight by Harley and Seal: H. S. Warren, Hacker's
// Delight, 2nd edition, chapter 5.)
using Words = Vector<std::uint64_t>;

BOXEL_ALWAYS_INLINE Words sum_bits(Words& sum, const Words& a, const Words& b) {
  const Words differ = sum ^ a;
  const Words carry = (sum & a) | (differ & b);
  sum = differ ^ b;
  return carry;
}

BOXEL_ALWAYS_INLINE Words count_bits(Words bits) {
  bits = bits - ((bits >> 1) & 0x5555555555555555u);
  bits = (bits & 0x3333333333333333u) + ((bits >> 2) & 0x3333333333333333u);
  bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu;
  bits = bits + (bits >> 8);
  bits = bits + (bits >> 16);
  return (bits + (bits >> 32)) & 0x7fu;
}

template <int Rows>
BOXEL_ALWAYS_INLINE void common_bits(const std::uint64_t* rows, std::int64_t words,
                                     const std::uint64_t* group, std::int64_t* common) {
  constexpr std::int64_t lanes = fingerprint_group;
  constexpr std::int64_t width = vector_lanes<std::uint64_t>;
  for (int r = 0; r < Rows; ++r) {
    for (std::int64_t lane = 0; lane < lanes; lane += width) {
      const auto both = [&](std::int64_t word) {
        return load(group + word * lanes + lane) & rows[r * words + word];
      };
      Words ones = {};
      Words twos = {};
      Words fours = {};
      Words eights = {};  // already counted
      std::int64_t word = 0;
      for (; word + 8 <= words; word += 8) {
        const Words a = sum_bits(ones, both(word), both(word + 1));
        const Words b = sum_bits(ones, both(word + 2), both(word + 3));
        const Words c = sum_bits(twos, a, b);
        const Words d = sum_bits(ones, both(word + 4), both(word + 5));
        const Words e = sum_bits(ones, both(word + 6), both(word + 7));
        const Words f = sum_bits(twos, d, e);
        eights += count_bits(sum_bits(fours, c, f));
      }
      Words total = 8 * eights + 4 * count_bits(fours) + 2 * count_bits(twos) + count_bits(ones);
      for (; word < words; ++word) total += count_bits(both(word));
      std::memcpy(common + r * lanes + lane, &total, sizeof(total));
    }
  }
}
#endif

template <class T, int Rows>
BOXEL_ALWAYS_INLINE void tanimoto_of(const FingerprintRows& rows, std::int64_t row,
                                     const FingerprintGroups& groups, std::int64_t group,
                                     std::int64_t words, T empty, std::int64_t stride, T* out) {
  constexpr std::int64_t lanes = fingerprint_group;
  std::int64_t common[Rows * lanes];
  common_bits<Rows>(rows.words + row * words, words, groups.words + group * words * lanes, common);
  for (int r = 0; r < Rows; ++r) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const auto both = static_cast<std::int32_t>(common[r * lanes + lane]);
      const std::int32_t all = rows.counts[row + r] + groups.counts[group * lanes + lane] - both;
      const T distance = static_cast<T>(all - both) / static_cast<T>(all);
      out[(row + r) * stride + group * lanes + lane] = all == 0 ? empty : distance;
    }
  }
}

template <class T>
void tanimoto(const FingerprintRows& rows, const FingerprintGroups& groups, std::int64_t words,
              T empty, std::int64_t stride, T* out) {
  for (std::int64_t group = 0; group < groups.groups; ++group) {
    std::int64_t row = 0;
    for (; row + 4 <= rows.rows; row += 4) {
      tanimoto_of<T, 4>(rows, row, groups, group, words, empty, stride, out);
    }
    for (; row < rows.rows; ++row) {
      tanimoto_of<T, 1>(rows, row, groups, group, words, empty, stride, out);
    }
  }
}

}  // namespace boxel::BOXEL_KERNELS
