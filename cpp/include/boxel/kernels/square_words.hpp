// Sums of squares of float32 samples in two words, of which the lower one holds 62 bits and carries
// what is more to the upper one: 126 bits. So wide are the sums of squares of most normally
// distributed samples, for which parts of doubles take three or four rows; with rare ones that are
// finer, what is less than a unit is one more part.

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
  bool has_rest = false;  // samples may be finer than units, of which less than half is a double

  // For sums of `samples` squares, of which boxes hold half, with room for larger samples and for
  // finer ones.
  static SquareWords placed(const Grid& squares, double samples, bool has_rest) {
    const double largest = squares.largest == 0 ? 1 : squares.largest;
    const double finest = squares.largest == 0 ? 1 : squares.finest;
    const double range = std::log2(largest) - std::log2(finest);
    const double most = std::min(std::log2(most_sum / samples), std::log2(most_square));
    const double below = has_rest ? std::floor(54 - std::log2(samples)) : 0;
    const double spare = std::floor((most + below - range) / 2);
    if (!(spare >= 0) || !(below >= 0)) return {};
    SquareWords words;
    words.unit = std::exp2(std::log2(finest) + below - spare);
    words.shifts[0] = step_shift * words.unit * 0x1p62;
    words.shifts[1] = step_shift * words.unit * 0x1p31;
    words.shifts[2] = step_shift * words.unit;
    words.has_rest = has_rest;
    return words.exact(squares, samples) ? words : SquareWords{};
  }

  explicit operator bool() const { return unit != 0; }

  bool exact(const Grid& squares, double samples) const {
    const double largest = squares.largest / unit;
    // The largest rest is half a unit.
    const bool fine =
        has_rest ? samples / 2 * unit < 0x1p53 * squares.finest : squares.finest >= unit;
    return unit != 0 && fine && largest < most_square && largest * samples < most_sum;
  }

  // More by those of the shifts. The lower one lies between -2^61 and 2^61 without.
  BOXEL_INLINE CarriedWords of(double square, double& rest) const {
    std::uint64_t numbers[3];
    rest = count_steps<3>(square, shifts, numbers);
    return {numbers[0], (numbers[1] << 31) + numbers[2]};
  }
  CarriedWords of_shifts() const {
    const auto bits = [this](int k) { return std::bit_cast<std::uint64_t>(shifts[k]); };
    return {bits(0), (bits(1) << 31) + bits(2)};
  }

  // As in_two() has it.
  BOXEL_INLINE Parts2 total(CarriedWords words) const {
    const Parts3 sum = in_three(words);
    return in_units(in_two(sum));
  }
  BOXEL_INLINE Parts2 total(CarriedWords words, double rest) const {
    const Parts3 sum = in_three(words);
    const Parts2 low = two_sum(sum.low, rest * (1 / unit));
    const Parts2 middle = two_sum(sum.middle, low.high);
    const Parts2 high = two_sum(sum.high, middle.high);
    return in_units(fast_two_sum(high.high, high.low + (middle.low + low.low)));
  }

 private:
  static constexpr double most_square = most_steps * 0x1p62;
  // Of twice what boxes hold. More comes back modulo 2^126.
  static constexpr double most_sum = 0x1p127;

  // In units. Each is small against the one before.
  static BOXEL_INLINE Parts3 in_three(CarriedWords words) {
    constexpr auto low_bits = [](int bits) { return (std::uint64_t{1} << bits) - 1; };
    const std::uint64_t middle = words.low >> 42 | (words.high & low_bits(22)) << 20;
    const double high = natural_to_double(words.high >> 22) * 0x1p84;
    const Parts2 upper = fast_two_sum(high, natural_to_double(middle) * 0x1p42);
    return {upper.high, upper.low, natural_to_double(words.low & low_bits(42))};
  }
  BOXEL_INLINE Parts2 in_units(Parts2 sum) const { return {sum.high * unit, sum.low * unit}; }
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

// The state with sums of x in X parts, and with what is less than half a unit where there is that.
template <int X, bool HasRest>
struct SquareWordRows {
  double* x[X];
  CarriedRows::Places squares;
  double* rests;

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
      double rest = 0;
      const CarriedWords square = in.of(value * value, rest);
      const CarriedWords held = first ? CarriedWords{0, 0} : to.squares.at(l);
      to.squares.put(
          l, carried(held.high + square.high - shifts.high, held.low + square.low - shifts.low));
      if constexpr (HasRest) to.rests[l] = first ? rest : to.rests[l] + rest;
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
      double come_rest = 0;
      double gone_rest = 0;
      const CarriedWords square = in.of(come * come, come_rest);
      const CarriedWords other = in.of(gone * gone, gone_rest);
      rows.squares.put(l, carried(rows.squares.high[l] + square.high - other.high,
                                  rows.squares.low[l] + square.low - other.low));
      if constexpr (HasRest) rows.rests[l] = rows.rests[l] + come_rest - gone_rest;
    });
  }

  BOXEL_INLINE Parts2 total(const SquareWords& words, std::int64_t l) const {
    if constexpr (HasRest) return words.total(squares.at(l), rests[l]);
    return words.total(squares.at(l));
  }
};

}  // namespace boxel::BOXEL_KERNELS
