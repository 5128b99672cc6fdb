// The grid on which floats lie, for proofs that their sums are exact.

namespace boxel::BOXEL_KERNELS {

// Whether samples lie on a grid already, which most rows do after the first: far less work than to
// find their own. A multiple of a power of two up to 1 leaves nothing when it is scaled and rounded
// (what overflows in that is no number then); nothing underflows.
template <class T, class Bits>
inline bool lies_on(const Grid& grid, const T* samples, std::int64_t lanes) {
  if (grid.finest > 1 || grid.finest < static_cast<double>(std::numeric_limits<T>::min())) {
    return false;
  }
  constexpr Bits magnitude = std::numeric_limits<Bits>::max();
  const T scale = static_cast<T>(1 / grid.finest);
  const Bits largest = std::bit_cast<Bits>(static_cast<T>(grid.largest));
  Bits rest = 0;
  Bits room = 0;
  Bits signs = 0;
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    const T scaled = samples[l] * scale;
    const Bits bits = std::bit_cast<Bits>(samples[l]);
    rest |= std::bit_cast<Bits>(std::rint(scaled) - scaled);
    // Positive floats are ordered like their bits.
    room |= largest - (bits & magnitude);
    signs |= bits;
  }
  return rest == 0 && room >= 0 && (signs >= 0 || grid.negative);
}

// Works on bits: the lowest set bit of a float's pattern is the lowest bit of its mantissa, except
// for powers of two and zero, whose mantissa is empty. A zero lies on every grid.
template <class T, class Bits>
inline void survey_row(Grid& grid, const T* samples, std::int64_t lanes) {
  if (lies_on<T, Bits>(grid, samples, lanes)) return;
  constexpr int mantissa_bits = std::numeric_limits<T>::digits - 1;
  constexpr Bits mantissa = (Bits{1} << mantissa_bits) - 1;
  constexpr Bits magnitude = std::numeric_limits<Bits>::max();
  // Positive floats are ordered like their bits.
  Bits largest = 0;
  Bits signs = 0;
  Bits finest = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  BOXEL_EACH_LANE
  for (std::int64_t l = 0; l < lanes; ++l) {
    const Bits bits = std::bit_cast<Bits>(samples[l]) & magnitude;
    const T whole = std::bit_cast<T>(bits);
    const T without_lowest = std::bit_cast<T>(bits & (bits - 1));
    const Bits lowest_bit = std::bit_cast<Bits>(whole - without_lowest);
    // By masks instead of selections, which not every vector unit can do in a reduction.
    const auto all_if = [](bool condition) { return static_cast<Bits>(-Bits{condition}); };
    const Bits has_mantissa = all_if((bits & mantissa) != 0);
    const Bits lowest =
        (lowest_bit & has_mantissa) | (bits & ~has_mantissa) | (all_if(bits == 0) & magnitude);
    signs |= std::bit_cast<Bits>(samples[l]);
    largest = bits > largest ? bits : largest;
    finest = lowest < finest ? lowest : finest;
  }
  grid.largest =
      std::max(grid.largest, largest >= std::bit_cast<Bits>(std::numeric_limits<T>::infinity())
                                 ? std::numeric_limits<double>::infinity()
                                 : static_cast<double>(std::bit_cast<T>(largest)));
  grid.finest = std::min(grid.finest, static_cast<double>(std::bit_cast<T>(finest)));
  grid.negative = grid.negative || signs < 0;
}

inline void survey(Grid& grid, Sample type, const void* samples, std::int64_t lanes) {
  if (type == Sample::float32) {
    survey_row<float, std::int32_t>(grid, static_cast<const float*>(samples), lanes);
  } else {
    survey_row<double, std::int64_t>(grid, static_cast<const double*>(samples), lanes);
  }
}

inline void truncate_values(double* values, std::int64_t count) {
  for (std::int64_t l = 0; l < count; ++l) values[l] = std::trunc(values[l]);
}

}  // namespace boxel::BOXEL_KERNELS
