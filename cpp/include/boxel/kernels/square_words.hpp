// Sums of squares of float32 samples in two words, of which the lower one holds 62 bits and carries
// what is more to the upper one: 126 bits. So wide are the sums of squares of normally distributed
// samples, for which parts of doubles take three or four rows.

namespace boxel::BOXEL_KERNELS {

inline constexpr int carried_bits = 62;

struct CarriedWords {
  std::uint64_t high;
  std::uint64_t low;
};

// `low` lies from -2^62 to 2^63 - 1.
BOXEL_INLINE CarriedWords carried(std::uint64_t high, std::uint64_t low) {
  constexpr std::uint64_t one = std::uint64_t{1} << carried_bits;
  const std::uint64_t raised = low + one;
  return {high + (raised >> carried_bits) - 1, raised & (one - 1)};
}

// `low` is the sum of up to four words.
BOXEL_INLINE CarriedWords carried_natural(std::uint64_t high, std::uint64_t low) {
  constexpr std::uint64_t one = std::uint64_t{1} << carried_bits;
  return {high + (low >> carried_bits), low & (one - 1)};
}

// Two rows of a state that are such words, in the place of UsedRow.
struct CarriedRows {
  int high;
  int low;

  struct Places {
    std::uint64_t* high;
    std::uint64_t* low;
    BOXEL_INLINE CarriedWords at(std::int64_t l) const { return {high[l], low[l]}; }
    BOXEL_INLINE void put(std::int64_t l, CarriedWords words) const {
      high[l] = words.high;
      low[l] = words.low;
    }
  };

  Places of(Lanes state) const {
    return {state.row<std::uint64_t>(high), state.row<std::uint64_t>(low)};
  }

  template <class Visit>
  void for_rows(Visit&& visit) const {
    visit(high);
    visit(low);
  }

  void merge(Lanes out, Lanes a, Lanes b, std::int64_t lanes) const {
    const Places to = of(out);
    const Places from = of(a);
    const Places other = of(b);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      to.put(l, carried_natural(from.high[l] + other.high[l], from.low[l] + other.low[l]));
    }
  }

  void merge_ahead(Lanes out, Lanes in, std::int64_t lanes, std::int64_t step, int terms) const {
    const Places to = of(out);
    merge_row_ahead(to.high, of(in).high, lanes, step, terms, Add<std::uint64_t>{});
    merge_row_ahead(to.low, of(in).low, lanes, step, terms, Add<std::uint64_t>{});
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) to.put(l, carried_natural(to.high[l], to.low[l]));
  }

  void exchange(Lanes out, Lanes from, Lanes added, Lanes removed, std::int64_t lanes) const {
    const Places to = of(out);
    const Places held = of(from);
    const Places come = of(added);
    const Places gone = of(removed);
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      to.put(l, carried(held.high[l] + come.high[l] - gone.high[l],
                        held.low[l] + come.low[l] - gone.low[l]));
    }
  }
};

struct SquareWords {
  double unit = 0;  // a power of two; 0: there are none
  double shifts[3] = {};

  // For sums of `samples` squares, with room for larger samples and for finer ones.
  static SquareWords placed(const Grid& squares, double samples) {
    const double largest = squares.largest == 0 ? 1 : squares.largest;
    const double finest = squares.largest == 0 ? 1 : squares.finest;
    const double range = std::log2(largest) - std::log2(finest);
    const double most = std::min(std::log2(most_sum / samples), std::log2(most_square));
    const double spare = std::floor((most - range) / 2);
    if (!(spare >= 0)) return {};
    SquareWords words;
    words.unit = std::exp2(std::log2(finest) - spare);
    words.shifts[0] = step_shift * words.unit * 0x1p62;
    words.shifts[1] = step_shift * words.unit * 0x1p31;
    words.shifts[2] = step_shift * words.unit;
    return words.exact(squares, samples) ? words : SquareWords{};
  }

  explicit operator bool() const { return unit != 0; }

  bool exact(const Grid& squares, double samples) const {
    const double largest = squares.largest / unit;
    return unit != 0 && squares.finest >= unit && largest < most_square &&
           largest * samples < most_sum;
  }

  // More by those of the shifts. The lower one lies between -2^61 and 2^61 without.
  BOXEL_INLINE CarriedWords of(double square) const {
    std::uint64_t numbers[3];
    count_steps<3>(square, shifts, numbers);
    return {numbers[0], (numbers[1] << 31) + numbers[2]};
  }
  CarriedWords of_shifts() const {
    const auto bits = [this](int k) { return std::bit_cast<std::uint64_t>(shifts[k]); };
    return {bits(0), (bits(1) << 31) + bits(2)};
  }

  // As in_two() has it.
  BOXEL_INLINE Parts2 total(CarriedWords words) const {
    constexpr auto low_bits = [](int bits) { return (std::uint64_t{1} << bits) - 1; };
    const std::uint64_t middle = words.low >> 42 | (words.high & low_bits(22)) << 20;
    const double high = natural_to_double(words.high >> 22) * 0x1p84;
    const Parts2 upper = fast_two_sum(high, natural_to_double(middle) * 0x1p42);
    const double low = natural_to_double(words.low & low_bits(42));
    const Parts2 sum = in_two({upper.high, upper.low, low});
    return {sum.high * unit, sum.low * unit};
  }

 private:
  static constexpr double most_square = most_steps * 0x1p62;
  // Twice what boxes hold at most: their own sums have 126 bits, of which 52 + 74 are read.
  static constexpr double most_sum = 0x1p125;
};

// Windows of the lower words in two halves, whose sums overflow no word, become such words again.
inline void carry_halves(const CarriedRows::Places& words, const std::uint64_t* low_halves,
                         std::int64_t lanes) {
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    const std::uint64_t high_half = words.low[l] + (low_halves[l] >> 32);
    constexpr int high_bits = carried_bits - 32;
    constexpr std::uint64_t high_mask = (std::uint64_t{1} << high_bits) - 1;
    words.put(l, {words.high[l] + (high_half >> high_bits),
                  (high_half & high_mask) << 32 | (low_halves[l] & 0xffffffffU)});
  }
}

// The state with sums of x in X parts.
template <int X>
struct SquareWordRows {
  double* x[X];
  CarriedRows::Places squares;

  void take(const float* row, const Splits<2>& splits, const SquareWords& words, std::int64_t lanes,
            bool first) const {
    const SquareWordRows to = *this;
    const Splits<2> x_splits = splits;
    const SquareWords in = words;
    const CarriedWords shifts = in.of_shifts();
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const auto value = static_cast<double>(row[l]);
      double parts[X];
      split<X>(value, x_splits.shifts, parts);
      for (int k = 0; k < X; ++k) to.x[k][l] = first ? parts[k] : to.x[k][l] + parts[k];
      const CarriedWords square = in.of(value * value);
      const CarriedWords held = first ? CarriedWords{0, 0} : to.squares.at(l);
      to.squares.put(
          l, carried(held.high + square.high - shifts.high, held.low + square.low - shifts.low));
    }
  }

  void exchange(const RowPointers<float, 1>& added, const float* removed, const Splits<2>& splits,
                const SquareWords& words, std::int64_t lanes, std::int64_t ahead) const {
    const SquareWordRows rows = *this;
    const Splits<2> x_splits = splits;
    const SquareWords in = words;
    for_strips(added, lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
      const auto come = static_cast<double>(added.rows[0][l]);
      const auto gone = static_cast<double>(removed[l]);
      double come_parts[X];
      double gone_parts[X];
      split<X>(come, x_splits.shifts, come_parts);
      split<X>(gone, x_splits.shifts, gone_parts);
      for (int k = 0; k < X; ++k) rows.x[k][l] = rows.x[k][l] + come_parts[k] - gone_parts[k];
      const CarriedWords square = in.of(come * come);
      const CarriedWords other = in.of(gone * gone);
      rows.squares.put(l, carried(rows.squares.high[l] + square.high - other.high,
                                  rows.squares.low[l] + square.low - other.low));
    });
  }
};

}  // namespace boxel::BOXEL_KERNELS
