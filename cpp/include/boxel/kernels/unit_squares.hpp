// Float32 samples as whole numbers of a unit, and their squares: what images hold that were
// integers once, and random numbers. Sums of x fit a double then, and those of x^2 64 bits: two
// rows where parts of doubles take three or more.

namespace boxel::BOXEL_KERNELS {

struct SquareUnits {
  double unit = 0;  // a power of two; 0: there is none
  float scale = 0;  // 1 / unit
  // The most lanes of a row that are merged, by windows alone, whose sums of squares have two
  // halves then. 1: a row's lanes and their windows are the same.
  double window = 1;

  // A unit for sums of `samples` samples, of which boxes hold half, which leaves room for larger
  // samples and for finer ones. None, if they do not fit.
  static SquareUnits placed(const Grid& grid, double samples, double window) {
    // An image that is empty so far says nothing of its samples.
    const double finest = grid.largest == 0 ? 1 : grid.finest;
    const double largest = grid.largest == 0 ? 1 : grid.largest;
    const double room =
        std::min(most_sample, std::sqrt(most_sum / samples * window)) * finest / largest;
    if (!(room > 1) || !(finest >= least_unit) || window > most_window) return {};
    const double finer = std::exp2(std::floor(std::log2(room) / 2));
    const double unit = std::clamp(finest / finer, least_unit, 1 / least_unit);
    const SquareUnits units{unit, static_cast<float>(1 / unit), window};
    return units.exact(grid, samples) ? units : SquareUnits{};
  }

  explicit operator bool() const { return unit != 0; }
  bool halves() const { return window > 1; }

  bool exact(const Grid& grid, double samples) const {
    const double largest = grid.largest / unit;
    return unit != 0 && grid.finest >= unit && largest < most_sample &&
           largest * largest * samples < most_sum * window && largest * samples < 0x1p53;
  }

  BOXEL_INLINE double units_of(float sample) const { return static_cast<double>(sample * scale); }

 private:
  // square_bits() takes no larger ones.
  static constexpr double most_sample = 0x1p26;
  // Twice what boxes, or a row's lanes, hold at most. While one slice is exchanged for another,
  // sums may be larger: modulo 2^64 they come back.
  static constexpr double most_sum = 0x1p64;
  // natural_to_double() takes sums of so many low halves.
  static constexpr double most_window = 0x1p20;
  // So that the reciprocal is a float32, too.
  static constexpr double least_unit = static_cast<double>(std::numeric_limits<float>::min());
};

inline constexpr double square_one = 0x1p52;

// The square of a whole number below 2^26, and the bits of 2^52: AVX2 multiplies no integers of 64
// bits.
BOXEL_INLINE std::uint64_t square_bits(double x) {
#if defined(BOXEL_HAS_FMA)
  return std::bit_cast<std::uint64_t>(__builtin_fma(x, x, square_one));
#else
  return std::bit_cast<std::uint64_t>(x * x + square_one);
#endif
}

BOXEL_INLINE std::uint64_t whole_square(double x) {
  return square_bits(x) - std::bit_cast<std::uint64_t>(square_one);
}

struct UnitSquareRows {
  double* sums;
  std::uint64_t* squares;  // of windows in two halves the high one
  std::uint64_t* low;

  void take(const RowGroup& group, const SquareUnits& units, std::int64_t lanes,
            std::int64_t taken) const {
    const UnitSquareRows to = *this;
    const SquareUnits in = units;
    for_row_runs(group.count, [&]<int R>(int start) BOXEL_INLINED {
      const RowPointers<float, R> rows(group, start);
      const bool first = taken + start == 0;
      for_strips(rows, lanes, group.ahead, [=](std::int64_t l) BOXEL_INLINED {
        double sum = first ? 0 : to.sums[l];
        std::uint64_t squares = first ? 0 : to.squares[l];
        for (int k = 0; k < R; ++k) {
          const double x = in.units_of(rows.rows[k][l]);
          sum += x;
          squares += whole_square(x);
        }
        to.sums[l] = sum;
        to.squares[l] = squares;
      });
    });
  }

  void exchange(const RowPointers<float, 1>& added, const float* removed, const SquareUnits& units,
                std::int64_t lanes, std::int64_t ahead) const {
    const UnitSquareRows rows = *this;
    const SquareUnits in = units;
    for_strips(added, lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
      const double x = in.units_of(added.rows[0][l]);
      const double gone = in.units_of(removed[l]);
      rows.sums[l] += x - gone;
      rows.squares[l] += square_bits(x) - square_bits(gone);
    });
  }

  // As in_two() has it: the nearest double, and what that leaves over.
  BOXEL_INLINE Parts2 square(std::int64_t l) const {
#if defined(BOXEL_CASTS_WORDS)
    const auto whole = static_cast<std::int64_t>(squares[l]);
    const auto high = static_cast<double>(whole);
    return {high, static_cast<double>(whole - static_cast<std::int64_t>(high))};
#else
    return of_halves(squares[l] >> 32, squares[l] & 0xffffffffU);
#endif
  }
  BOXEL_INLINE Parts2 square_of_halves(std::int64_t l) const {
    return of_halves(squares[l], low[l]);
  }

 private:
  // Both are below 2^52. Where the low one counts for more, their sum is a whole number below 2^53,
  // and exact.
  static BOXEL_INLINE Parts2 of_halves(std::uint64_t high, std::uint64_t low) {
#if defined(BOXEL_CASTS_WORDS)
    const auto cast = [](std::uint64_t x) BOXEL_INLINED {
      return static_cast<double>(static_cast<std::int64_t>(x));
    };
    return fast_two_sum(cast(high) * 0x1p32, cast(low));
#else
    return fast_two_sum(natural_to_double(high) * 0x1p32, natural_to_double(low));
#endif
  }
};

}  // namespace boxel::BOXEL_KERNELS
