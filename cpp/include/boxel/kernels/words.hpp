// Sums of floats in words of 64 bits: whole numbers of a step that was fixed before, of which the
// sums may overflow on the way, as modulo 2^64 they come back. A word holds eleven bits more than
// the double of a part, so that two words do where parts of doubles take three or four.

namespace boxel::BOXEL_KERNELS {

// Adding 1.5 * 2^52 steps to a value rounds it to a number of steps, of which the bits tell it.
inline constexpr double step_shift = 0x1.8p52;
// So many steps are told with room for the rounding.
inline constexpr double most_steps = 0x1p50;

// A value in steps of some sizes, the largest first, and what that leaves. Each number is more by
// the bits of its shift.
template <int Words>
BOXEL_INLINE double count_steps(double value, const double* shifts, std::uint64_t* numbers) {
  const double shifted = value + shifts[0];
  numbers[0] = std::bit_cast<std::uint64_t>(shifted);
  const double rest = value - (shifted - shifts[0]);
  if constexpr (Words == 1) return rest;
  if constexpr (Words > 1) return count_steps<Words - 1>(rest, shifts + 1, numbers + 1);
}

// Without an error, of magnitudes whose nearest double is below 2^63.
BOXEL_INLINE Parts2 parts_of_word(std::int64_t word) {
#if defined(BOXEL_CASTS_WORDS)
  const auto high = static_cast<double>(word);
  return {high, static_cast<double>(word - static_cast<std::int64_t>(high))};
#else
  const std::uint64_t raised = static_cast<std::uint64_t>(word) + (std::uint64_t{1} << 63);
  const double high = natural_to_double(raised >> 32) - 0x1p31;
  return fast_two_sum(high * 0x1p32, natural_to_double(raised & 0xffffffffU));
#endif
}

// Sums in two words, each of its own step.
struct SumWords {
  double coarse = 0;  // the steps, powers of two; 0: there are none
  double fine = 0;
  double shifts[2] = {};
  int bits = 0;  // from the one to the other

  // For sums of `samples` samples, of which boxes hold half, with room for larger samples and for
  // finer ones.
  static SumWords placed(const Grid& grid, double samples) {
    const double largest = grid.largest == 0 ? 1 : grid.largest;
    const double finest = grid.largest == 0 ? 1 : grid.finest;
    const double held_bits = std::log2(samples / 2);
    // Rounding to steps leaves half of one at most.
    const double between = std::floor(std::min(52.0, 64 - held_bits));
    const double above = std::min(std::log2(most_steps), std::log2(most_sum(between)) - held_bits);
    const double range = std::log2(largest) - std::log2(finest);
    const double spare = std::floor((between + above - range) / 2);
    if (!(spare >= 0) || !(between > 0)) return {};
    SumWords words;
    words.bits = static_cast<int>(between);
    words.fine = std::exp2(std::log2(finest) - spare);
    words.coarse = words.fine * std::exp2(between);
    words.shifts[0] = step_shift * words.coarse;
    words.shifts[1] = step_shift * words.fine;
    return words.exact(grid, samples) ? words : SumWords{};
  }

  explicit operator bool() const { return coarse != 0; }

  bool exact(const Grid& grid, double samples) const {
    const double steps = grid.largest / coarse;
    const double held = samples / 2;
    return coarse != 0 && grid.finest >= fine && steps < most_steps &&
           (steps + 1) * held < most_sum(bits) && held * std::exp2(bits - 1) < 0x1p63;
  }

 private:
  // Of coarse steps in a box: the nearest double is a word, too, and the total has 106 bits.
  static double most_sum(double bits) { return std::min(0x1.fffp62, std::exp2(106 - bits)); }
};

struct SumWordRows {
  std::uint64_t* coarse;
  std::uint64_t* fine;

  template <int R>
  void take(const RowPointers<double, R>& rows, const SumWords& words, std::int64_t lanes,
            bool first) const {
    const SumWordRows to = *this;
    const SumWords in = words;
    const auto shift_of = [&in](int k) {
      return static_cast<std::uint64_t>(R) * std::bit_cast<std::uint64_t>(in.shifts[k]);
    };
    const std::uint64_t coarse_shifts = shift_of(0);
    const std::uint64_t fine_shifts = shift_of(1);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      std::uint64_t sums[2] = {first ? 0 : to.coarse[l], first ? 0 : to.fine[l]};
      for (int k = 0; k < R; ++k) {
        std::uint64_t numbers[2];
        count_steps<2>(rows.rows[k][l], in.shifts, numbers);
        sums[0] += numbers[0];
        sums[1] += numbers[1];
      }
      to.coarse[l] = sums[0] - coarse_shifts;
      to.fine[l] = sums[1] - fine_shifts;
    }
  }

  void exchange(const RowPointers<double, 1>& added, const double* removed, const SumWords& words,
                std::int64_t lanes, std::int64_t ahead) const {
    const SumWordRows rows = *this;
    const SumWords in = words;
    for_strips(added, lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
      std::uint64_t come[2];
      std::uint64_t gone[2];
      count_steps<2>(added.rows[0][l], in.shifts, come);
      count_steps<2>(removed[l], in.shifts, gone);
      rows.coarse[l] += come[0] - gone[0];
      rows.fine[l] += come[1] - gone[1];
    });
  }

  // As nearest_in_two() has it: what the nearest double to the coarse steps leaves is, together
  // with the fine ones, a double.
  BOXEL_INLINE Parts2 total(const SumWords& words, std::int64_t l) const {
    // AVX2 shifts no signs in.
    constexpr std::uint64_t sign = std::uint64_t{1} << 63;
    const std::uint64_t carried = ((fine[l] + sign) >> words.bits) - (sign >> words.bits);
    const std::uint64_t rest = fine[l] - (carried << words.bits);
    const Parts2 steps = parts_of_word(static_cast<std::int64_t>(coarse[l] + carried));
    return fast_two_sum(steps.high * words.coarse,
                        steps.low * words.coarse + natural_to_double(rest) * words.fine);
  }
};

}  // namespace boxel::BOXEL_KERNELS
