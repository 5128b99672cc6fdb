// Samples of pixels into the states of their regions: one by one where neighbours belong to
// different regions, and by runs where they do not.

namespace boxel::BOXEL_KERNELS {

// Whether a sample counts.
template <bool Everything, class T>
BOXEL_INLINE bool counts_in(const RegionSamples& from, std::int64_t index, T sample) {
  if constexpr (Everything) return true;
  if (from.include && !from.include[index]) return false;
  return !from.skip_nan || sample == sample;
}

template <class Taker, class T, bool Everything>
void take_scattered(Lanes state, const RegionSamples& from) {
  const T* samples = static_cast<const T*>(from.samples);
  for (std::int64_t p = 0; p < from.pixels; ++p) {
    const std::int64_t lane = from.slots[p] * from.lane_stride + from.first_lane;
    for (std::int64_t c = 0; c < from.channels; ++c) {
      const std::int64_t index = p * from.channels + c;
      if (!counts_in<Everything>(from, index, samples[index])) continue;
      if constexpr (requires { Taker::take_one(state, lane, samples[index]); }) {
        Taker::take_one(state, lane + c, samples[index]);
      } else {
        Taker taker;
        taker.begin(state, lane + c);
        taker.add(samples[index]);
        taker.end(state, lane + c);
      }
    }
  }
}

template <class Taker, class T, bool Everything>
BOXEL_INLINE void take_run(Lanes state, const RegionSamples& from, std::int64_t first,
                           std::int64_t end, std::int64_t channels) {
  const T* samples = static_cast<const T*>(from.samples);
  const std::int64_t lane = from.slots[first] * from.lane_stride + from.first_lane;
  for (std::int64_t c = 0; c < channels; ++c) {
    Taker taker;
    taker.begin(state, lane + c);
    for (std::int64_t index = first * channels + c; index < end * channels; index += channels) {
      if (counts_in<Everything>(from, index, samples[index])) taker.add(samples[index]);
    }
    taker.end(state, lane + c);
  }
}

template <class Taker, class T, bool Everything>
void take_runs(Lanes state, const RegionSamples& from) {
  for (std::int64_t first = 0; first < from.pixels;) {
    const std::int32_t slot = from.slots[first];
    std::int64_t end = first + 1;
    while (end < from.pixels && from.slots[end] == slot) ++end;
    if (slot != no_slot) {
      if (from.channels == 1) {
        take_run<Taker, T, Everything>(state, from, first, end, 1);
      } else {
        take_run<Taker, T, Everything>(state, from, first, end, from.channels);
      }
    }
    first = end;
  }
}

template <class Taker, class T>
void take_regions(Lanes state, const RegionSamples& from) {
  const bool skips = std::is_floating_point_v<T> && from.skip_nan;
  if (from.include || skips) {
    return from.runs ? take_runs<Taker, T, false>(state, from)
                     : take_scattered<Taker, T, false>(state, from);
  }
  return from.runs ? take_runs<Taker, T, true>(state, from)
                   : take_scattered<Taker, T, true>(state, from);
}

template <class T>
TakeRegions choose_take(StateKind kind) {
  switch (kind) {
    case StateKind::count:
      return take_regions<CountTaker<T>, T>;
    case StateKind::nonzero:
      return take_regions<NonzeroTaker<T>, T>;
    case StateKind::sum:
      if constexpr (std::is_floating_point_v<T>) return take_regions<FloatSumTaker<T>, T>;
      if constexpr (std::is_integral_v<T>) return take_regions<SumTaker<T>, T>;
      break;
    case StateKind::min:
      return take_regions<ExtremumTaker<T, false>, T>;
    case StateKind::max:
      return take_regions<ExtremumTaker<T, true>, T>;
    case StateKind::mean:
    case StateKind::moments:
      if constexpr (std::is_floating_point_v<T>) return take_regions<MomentsTaker<T>, T>;
      break;
    case StateKind::squares:
      if constexpr (std::is_integral_v<T> && sizeof(T) <= 4) {
        return take_regions<SquaresTaker<T>, T>;
      }
      break;
    default:
      break;
  }
  return nullptr;
}

}  // namespace boxel::BOXEL_KERNELS
