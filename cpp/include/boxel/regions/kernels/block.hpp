// Pixels of one region that lie in a row, all of them or those under a mask: lanes are positions in
// a group of pixels, so that channels stay apart and loops are vectors.

namespace boxel::BOXEL_KERNELS {

inline constexpr std::int64_t group_pixels = 16;

// 255 for every sample of a pixel of the mask, else 0.
template <int Channels>
class MaskExpander {
  typedef std::uint8_t Bytes __attribute__((vector_size(16)));

 public:
  static void expand(const std::uint8_t* mask, std::int64_t pixels, std::uint8_t* include) {
    std::int64_t p = 0;
    for (; p + group_pixels <= pixels; p += group_pixels) {
      Bytes group;
      std::memcpy(&group, mask + p, sizeof(group));
      group = (Bytes)(group != 0);
      store_all(group, include + p * Channels, std::make_integer_sequence<int, Channels>{});
    }
    for (; p < pixels; ++p) {
      for (int c = 0; c < Channels; ++c) include[p * Channels + c] = mask[p] ? 255 : 0;
    }
  }

 private:
  template <int... K>
  static BOXEL_INLINE void store_all(Bytes group, std::uint8_t* out,
                                     std::integer_sequence<int, K...>) {
    (store<K>(group, out + K * 16, std::make_integer_sequence<int, 16>{}), ...);
  }
  template <int K, int... I>
  static BOXEL_INLINE void store(Bytes group, std::uint8_t* out, std::integer_sequence<int, I...>) {
    const Bytes spread = __builtin_shufflevector(group, group, ((K * 16 + I) / Channels)...);
    std::memcpy(out, &spread, sizeof(spread));
  }
};

// The value where it counts, else another; by its bits, which every vector width has, and never by
// a product (NaN * 0 is NaN).
template <bool Masked, class T>
BOXEL_INLINE T kept(T value, const std::uint8_t* include, std::int64_t index, T other = T{0}) {
  if constexpr (!Masked) return value;
  using I = std::conditional_t<
      sizeof(T) == 8, std::int64_t,
      std::conditional_t<sizeof(T) == 4, std::int32_t,
                         std::conditional_t<sizeof(T) == 2, std::int16_t, std::int8_t>>>;
  const auto mask = static_cast<I>(static_cast<std::int8_t>(include[index]));
  return std::bit_cast<T>(static_cast<I>((std::bit_cast<I>(value) & mask) |
                                         (std::bit_cast<I>(other) & static_cast<I>(~mask))));
}

template <bool Masked, class T>
BOXEL_INLINE T kept_sample(const T* samples, const std::uint8_t* include, std::int64_t index) {
  return kept<Masked>(samples[index], include, index);
}

// The type that holds the sums of the positions of a block.
template <class T>
using PositionSum = std::conditional_t<
    std::is_floating_point_v<T>, double,
    std::conditional_t<sizeof(T) == 1,
                       std::conditional_t<std::is_signed_v<T>, std::int16_t, std::uint16_t>,
                       std::int64_t>>;

// Adds map(index) over all samples into totals[channel].
template <int Channels, class A, class W, class Map>
BOXEL_INLINE void add_positions(std::int64_t pixels, W* totals, Map map) {
  constexpr std::int64_t lanes = group_pixels * Channels;
  constexpr std::int64_t rows = 4;
  A sums[lanes] = {};
  std::int64_t first = 0;
  const std::int64_t samples = pixels * Channels;
  for (; first + rows * lanes <= samples; first += rows * lanes) {
    BOXEL_EACH_LANE
    for (std::int64_t l = 0; l < lanes; ++l) {
      const std::int64_t at = first + l;
      const A pair = static_cast<A>(map(at) + map(at + lanes));
      const A other = static_cast<A>(map(at + 2 * lanes) + map(at + 3 * lanes));
      sums[l] = static_cast<A>(sums[l] + static_cast<A>(pair + other));
    }
  }
  for (std::int64_t l = 0; l < lanes; ++l) totals[l % Channels] += static_cast<W>(sums[l]);
  for (std::int64_t c = 0; first < samples; ++first, c = c + 1 == Channels ? 0 : c + 1) {
    totals[c] += static_cast<W>(map(first));
  }
}

template <class T, int Channels, bool Masked>
struct BlockTaker {
  using A = PositionSum<T>;

  // Sums as WideSum or as doubles.
  static void sum(Lanes state, const RegionBlock& block) {
    const T* samples = static_cast<const T*>(block.samples);
    const std::uint8_t* include = block.include;
    using W = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
    W totals[Channels] = {};
    add_positions<Channels, A>(block.pixels, totals, [=](std::int64_t index) BOXEL_INLINED {
      return static_cast<A>(kept_sample<Masked>(samples, include, index));
    });
    for (int c = 0; c < Channels; ++c) {
      if constexpr (std::is_floating_point_v<T>) {
        state.row<double>(0)[block.lane + c] += totals[c];
      } else {
        add_halves(state.row<std::int64_t>(0)[block.lane + c],
                   state.row<std::int64_t>(1)[block.lane + c], totals[c] >> 32,
                   totals[c] & 0xffffffff);
      }
    }
  }

  static void nonzero(Lanes state, const RegionBlock& block) {
    const T* samples = static_cast<const T*>(block.samples);
    const std::uint8_t* include = block.include;
    std::int64_t totals[Channels] = {};
    add_positions<Channels, std::uint16_t>(
        block.pixels, totals, [=](std::int64_t index) BOXEL_INLINED {
          return static_cast<std::uint16_t>(kept_sample<Masked>(samples, include, index) != T{0});
        });
    for (int c = 0; c < Channels; ++c) state.row<std::int64_t>(0)[block.lane + c] += totals[c];
  }

  // Sums of x and x^2 of integers of at most 16 bits.
  static void squares(Lanes state, const RegionBlock& block) {
    const T* samples = static_cast<const T*>(block.samples);
    const std::uint8_t* include = block.include;
    std::int64_t sums[Channels] = {};
    std::int64_t squares[Channels] = {};
    add_positions<Channels, A>(block.pixels, sums, [=](std::int64_t index) BOXEL_INLINED {
      return static_cast<A>(kept_sample<Masked>(samples, include, index));
    });
    using Q = std::conditional_t<sizeof(T) == 1, std::uint32_t, std::uint64_t>;
    add_positions<Channels, Q>(block.pixels, squares, [=](std::int64_t index) BOXEL_INLINED {
      const auto x = static_cast<std::int32_t>(kept_sample<Masked>(samples, include, index));
      return static_cast<Q>(static_cast<std::uint32_t>(x) * static_cast<std::uint32_t>(x));
    });
    for (int c = 0; c < Channels; ++c) {
      state.row<std::int64_t>(0)[block.lane + c] += sums[c];
      add_halves(state.row<std::int64_t>(1)[block.lane + c],
                 state.row<std::int64_t>(2)[block.lane + c], squares[c] >> 32,
                 squares[c] & 0xffffffff);
    }
  }

  template <bool Largest>
  static void extremum(Lanes state, const RegionBlock& block) {
    using X = Widest<T>;
    const T* samples = static_cast<const T*>(block.samples);
    const std::uint8_t* include = block.include;
    constexpr std::int64_t lanes = group_pixels * Channels;
    const auto sample_at = [=](std::int64_t index) BOXEL_INLINED {
      return kept<Masked>(samples[index], include, index, losing_value<Largest, T>());
    };
    T extremes[lanes];
    std::fill_n(extremes, lanes, losing_value<Largest, T>());
    std::int64_t first = 0;
    for (; first + lanes <= block.pixels * Channels; first += lanes) {
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        extremes[l] = extreme<Largest>(extremes[l], sample_at(first + l));
      }
    }
    for (std::int64_t l = 0; first < block.pixels * Channels; ++first, ++l) {
      extremes[l] = extreme<Largest>(extremes[l], sample_at(first));
    }
    for (std::int64_t l = 0; l < lanes; ++l) {
      X& held = state.row<X>(0)[block.lane + l % Channels];
      held = extreme<Largest>(held, static_cast<X>(extremes[l]));
    }
  }

  // Mean and M2 in two passes over the block: the mean by differences from its first sample, then
  // the squares around that mean. A channel in which something is not finite goes sample by sample.
  static void moments(Lanes state, const RegionBlock& block, bool second) {
    const T* samples = static_cast<const T*>(block.samples);
    const std::uint8_t* include = block.include;
    const auto n = static_cast<double>(block.counted);
    if (block.counted == 0) return;
    std::int64_t start = 0;
    while (Masked && !include[start]) start += Channels;
    double centers[group_pixels * Channels];
    double means[Channels];
    for (int c = 0; c < Channels; ++c) means[c] = static_cast<double>(samples[start + c]);
    double shifts[Channels] = {};
    const auto spread_centers = [&] {
      for (std::int64_t l = 0; l < group_pixels * Channels; ++l) centers[l] = means[l % Channels];
    };
    spread_centers();
    add_differences<false>(samples, include, centers, block.pixels, shifts, nullptr);
    double squares[Channels] = {};
    double rests[Channels] = {};
    // Differences from a first sample far from all others are rounded too coarsely for their mean.
    constexpr double far = 4;
    bool refined[Channels];
    for (int c = 0; c < Channels; ++c) {
      const double shift = shifts[c] / n;
      means[c] += shift;
      refined[c] = second || std::fabs(shift) > far * std::fabs(means[c]);
    }
    if (std::any_of(refined, refined + Channels, [](bool is) { return is; })) {
      spread_centers();
      add_differences<true>(samples, include, centers, block.pixels, rests, squares);
    }
    for (int c = 0; c < Channels; ++c) {
      const Mean mean = refined[c] ? Mean{means[c], rests[c] / n}
                                   : Mean{static_cast<double>(samples[start + c]), shifts[c] / n};
      const bool finite = is_finite(means[c]) && is_finite(mean.offset);
      if (!finite || (second && !is_finite(squares[c]))) {
        one_by_one(state, block, c);
        continue;
      }
      const double spread = squares[c] - rests[c] * (rests[c] / n);
      add_mean(state, block.lane + c, n, mean, second && spread > 0 ? spread : 0.0);
    }
  }

 private:
  static void add_mean(Lanes state, std::int64_t lane, double n, Mean mean, double m2_added) {
    using Rows = CountedMoments;
    double& held = state.row<double>(Rows::n)[lane];
    double& origin = state.row<double>(Rows::origin)[lane];
    double& offset = state.row<double>(Rows::offset)[lane];
    double& m2 = state.row<double>(Rows::m2)[lane];
    if (held > 0) {
      Rows::merge_lane(held, origin, offset, m2, n, mean, m2_added);
    } else {
      held = n;
      origin = mean.origin;
      offset = mean.offset;
      m2 = m2_added;
    }
  }

  static void one_by_one(Lanes state, const RegionBlock& block, int channel) {
    const T* samples = static_cast<const T*>(block.samples);
    MomentsTaker<T> taker;
    taker.begin(state, block.lane + channel);
    for (std::int64_t p = 0; p < block.pixels; ++p) {
      const std::int64_t index = p * Channels + channel;
      if (!Masked || block.include[index]) taker.add(samples[index]);
    }
    taker.end(state, block.lane + channel);
  }

  // Adds up the differences from centers, which repeat with the positions of a group, and perhaps
  // their squares.
  template <bool Squared>
  static void add_differences(const T* samples, const std::uint8_t* include, const double* centers,
                              std::int64_t pixels, double* totals, double* squares) {
    constexpr std::int64_t lanes = group_pixels * Channels;
    double sums[lanes] = {};
    double square_sums[lanes] = {};
    const auto term = [=](std::int64_t at, std::int64_t l) BOXEL_INLINED {
      return kept<Masked>(static_cast<double>(samples[at]) - centers[l], include, at);
    };
    std::int64_t first = 0;
    for (; first + 2 * lanes <= pixels * Channels; first += 2 * lanes) {
      BOXEL_EACH_LANE
      for (std::int64_t l = 0; l < lanes; ++l) {
        const double one = term(first + l, l);
        const double other = term(first + lanes + l, l);
        sums[l] += one + other;
        if constexpr (Squared) square_sums[l] += one * one + other * other;
      }
    }
    for (std::int64_t l = 0; l < lanes; ++l) {
      totals[l % Channels] += sums[l];
      if constexpr (Squared) squares[l % Channels] += square_sums[l];
    }
    for (std::int64_t l = 0; first < pixels * Channels; ++first, ++l) {
      const double one = term(first, l % lanes);
      totals[l % Channels] += one;
      if constexpr (Squared) squares[l % Channels] += one * one;
    }
  }
};

template <class T, int Channels, bool Masked>
bool take_block(StateKind kind, Lanes state, const RegionBlock& block) {
  using Taker = BlockTaker<T, Channels, Masked>;
  switch (kind) {
    case StateKind::count:
      for (int c = 0; c < Channels; ++c) {
        state.row<std::int64_t>(0)[block.lane + c] += block.counted;
      }
      return true;
    case StateKind::nonzero:
      Taker::nonzero(state, block);
      return true;
    case StateKind::sum:
      if constexpr (std::is_floating_point_v<T> || sizeof(T) <= 4) {
        Taker::sum(state, block);
        return true;
      }
      return false;
    case StateKind::min:
      Taker::template extremum<false>(state, block);
      return true;
    case StateKind::max:
      Taker::template extremum<true>(state, block);
      return true;
    case StateKind::squares:
      if constexpr (std::is_integral_v<T> && sizeof(T) <= 2) {
        Taker::squares(state, block);
        return true;
      }
      return false;
    case StateKind::mean:
    case StateKind::moments:
      if constexpr (std::is_floating_point_v<T>) {
        Taker::moments(state, block, kind == StateKind::moments);
        return true;
      }
      return false;
    default:
      return false;
  }
}

// For one channel, colours, and colours with alpha: each is a copy of the loops. Colours are hardly
// ever integers of 32 or 64 bits.
template <class T>
TakeBlock choose_block(std::int64_t channels, bool masked) {
  if (channels == 1) return masked ? take_block<T, 1, true> : take_block<T, 1, false>;
  if constexpr (std::is_floating_point_v<T> || sizeof(T) <= 2) {
    if (channels == 3) return masked ? take_block<T, 3, true> : take_block<T, 3, false>;
    if (channels == 4) return masked ? take_block<T, 4, true> : take_block<T, 4, false>;
  }
  return nullptr;
}

inline void expand_mask(const std::uint8_t* mask, std::int64_t pixels, std::int64_t channels,
                        std::uint8_t* include) {
  switch (channels) {
    case 1:
      return MaskExpander<1>::expand(mask, pixels, include);
    case 2:
      return MaskExpander<2>::expand(mask, pixels, include);
    case 3:
      return MaskExpander<3>::expand(mask, pixels, include);
    case 4:
      return MaskExpander<4>::expand(mask, pixels, include);
    default:
      for (std::int64_t p = 0; p < pixels; ++p) {
        std::memset(include + p * channels, mask[p] ? 255 : 0, static_cast<std::size_t>(channels));
      }
  }
}

inline std::int64_t count_mask(const std::uint8_t* mask, std::int64_t pixels) {
  std::int64_t total = 0;
  for (std::int64_t first = 0; first < pixels; first += 4096) {
    std::uint16_t count = 0;
    const std::int64_t end = std::min(pixels, first + 4096);
    for (std::int64_t p = first; p < end; ++p) {
      count = static_cast<std::uint16_t>(count + (mask[p] ? 1 : 0));
    }
    total += count;
  }
  return total;
}

}  // namespace boxel::BOXEL_KERNELS
