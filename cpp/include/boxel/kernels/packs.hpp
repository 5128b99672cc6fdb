// Runs of samples, read where they lie: as many runs as a pack has lanes at a time, so that the
// sample of each run comes into the lane of its position.

namespace boxel::BOXEL_KERNELS {

constexpr int pack_bytes = BOXEL_VECTOR_BYTES < 32 ? 16 : 32;
constexpr int pack_lanes = pack_bytes / 8;
typedef double Pack __attribute__((vector_size(pack_bytes)));
typedef std::int64_t PackBits __attribute__((vector_size(pack_bytes)));

BOXEL_INLINE void store_pack(double* out, Pack pack) { std::memcpy(out, &pack, sizeof(pack)); }

BOXEL_INLINE bool any_negative(PackBits bits) {
  std::int64_t all = 0;
  for (int l = 0; l < pack_lanes; ++l) all |= bits[l];
  return all < 0;
}

// Samples that follow one another.
template <class T>
BOXEL_INLINE Pack pack_of(const T* samples) {
  typedef T Samples __attribute__((vector_size(pack_lanes * sizeof(T))));
  Samples loaded;
  std::memcpy(&loaded, samples, sizeof(loaded));
  return __builtin_convertvector(loaded, Pack);
}

// As many samples of each run as a pack has lanes: out[k] holds the sample k of every run.
template <class T>
BOXEL_INLINE void load_square(Pack* out, const T* const* runs) {
#if BOXEL_VECTOR_BYTES < 32
  const Pack a = pack_of(runs[0]);
  const Pack b = pack_of(runs[1]);
  out[0] = __builtin_shufflevector(a, b, 0, 2);
  out[1] = __builtin_shufflevector(a, b, 1, 3);
#else
  const Pack a = pack_of(runs[0]);
  const Pack b = pack_of(runs[1]);
  const Pack c = pack_of(runs[2]);
  const Pack d = pack_of(runs[3]);
  const Pack ac_low = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  const Pack bd_low = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  const Pack ac_high = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  const Pack bd_high = __builtin_shufflevector(b, d, 2, 3, 6, 7);
  out[0] = __builtin_shufflevector(ac_low, bd_low, 0, 4, 2, 6);
  out[1] = __builtin_shufflevector(ac_low, bd_low, 1, 5, 3, 7);
  out[2] = __builtin_shufflevector(ac_high, bd_high, 0, 4, 2, 6);
  out[3] = __builtin_shufflevector(ac_high, bd_high, 1, 5, 3, 7);
#endif
}

// Sample k of each run.
template <class T>
BOXEL_INLINE Pack gathered(const T* const* runs, std::int64_t k) {
  const auto sample = [&](int l) BOXEL_INLINED { return static_cast<double>(runs[l][k]); };
#if BOXEL_VECTOR_BYTES < 32
  return Pack{sample(0), sample(1)};
#else
  return Pack{sample(0), sample(1), sample(2), sample(3)};
#endif
}

// R samples of each of the runs that begin at `place` and `stride` bytes apart.
template <class T, int R>
BOXEL_INLINE void load_packs(Pack* out, const std::byte* place, std::int64_t stride) {
  const T* from[pack_lanes];
  for (int l = 0; l < pack_lanes; ++l) from[l] = reinterpret_cast<const T*>(place + l * stride);
  constexpr int squares = R / pack_lanes;
  for (int square = 0; square < squares; ++square) {
    load_square(out + square * pack_lanes, from);
    for (const T*& run : from) run += pack_lanes;
  }
  for (int k = squares * pack_lanes; k < R; ++k) out[k] = gathered(from, k - squares * pack_lanes);
}

// Calls body<R, first>(start) for the groups in which rows are taken, too.
template <class Body>
BOXEL_INLINE void for_run_groups(std::int64_t length, Body&& body) {
  for_row_runs(static_cast<int>(length), [&]<int R>(int start) BOXEL_INLINED {
    if (start == 0) {
      body.template operator()<R, true>(start);
    } else {
      body.template operator()<R, false>(start);
    }
  });
}

// Some runs, group by group as rows.
template <class Accumulator, class T>
BOXEL_SHARED void take_runs_as_rows(Lanes state, const SampleRuns& runs, std::int64_t position,
                                    std::int64_t lanes) {
  T rows[max_group][pack_lanes];
  RowGroup group;
  for (int k = 0; k < max_group; ++k) group.samples[static_cast<std::size_t>(k)] = rows[k];
  for (std::int64_t taken = 0; taken < runs.length; taken += max_group) {
    group.count = static_cast<int>(std::min<std::int64_t>(max_group, runs.length - taken));
    for (std::int64_t l = 0; l < lanes; ++l) {
      const T* run = runs.run<T>(position + l) + taken;
      for (int k = 0; k < group.count; ++k) rows[k][l] = run[k];
    }
    for_row_runs(group.count, [&]<int R>(int start) {
      Accumulator::take_rows(state, RowPointers<T, R>(group, start), lanes, taken + start, 0);
    });
  }
}

// Those that fill no pack.
template <class Accumulator, class T>
BOXEL_INLINE void take_last_runs(Lanes state, const SampleRuns& runs, std::int64_t packed) {
  if (packed == runs.positions) return;
  take_runs_as_rows<Accumulator, T>(state.from(packed), runs, packed, runs.positions - packed);
}

// Asks for a group of each run of a pack: at most a cache line long, it may end in the next one,
// which the next group or run asks for.
BOXEL_INLINE void prefetch_pack(std::uintptr_t place, std::int64_t stride) {
  for (int l = 0; l < pack_lanes; ++l) {
    __builtin_prefetch(reinterpret_cast<const void*>(place), 0, 2);
    place += static_cast<std::uintptr_t>(stride);
  }
}

// Takes runs by Accumulator::take_pack<R, First>(lanes, samples, before), which is given samples
// before, ..., before + R - 1 of each run of a pack. Where Accumulator::pack_signs(lanes) returns
// negative bits in the end, and where runs fill no pack, they are taken as rows.
//
// The first groups of some packs come before their second ones: else a pack would wait for the sums
// of its last group.
template <class Accumulator, class T>
BOXEL_INLINE void take_packs(Lanes state, const SampleRuns& runs) {
  const std::int64_t stride = runs.stride;
  const auto ahead = static_cast<std::uintptr_t>(runs.ahead);
  const std::int64_t packed = runs.positions - runs.positions % pack_lanes;
  constexpr std::int64_t together = 4 * pack_lanes;
  for (std::int64_t first = 0; first < packed; first += together) {
    const std::int64_t end = std::min(packed, first + together);
    for_run_groups(runs.length, [&]<int R, bool First>(int start) BOXEL_INLINED {
      const std::byte* place = runs.first + first * stride + start * std::int64_t{sizeof(T)};
      for (std::int64_t position = first; position < end; position += pack_lanes) {
        if (ahead) prefetch_pack(reinterpret_cast<std::uintptr_t>(place) + ahead, stride);
        Pack samples[R];
        load_packs<T, R>(samples, place, stride);
        place += pack_lanes * stride;
        Accumulator::template take_pack<R, First>(state.from<double>(position), samples, start);
      }
    });
    PackBits signs{};
    for (std::int64_t position = first; position < end; position += pack_lanes) {
      signs |= Accumulator::pack_signs(state.from<double>(position));
    }
    if (any_negative(signs)) {
      for (std::int64_t position = first; position < end; position += pack_lanes) {
        const Lanes lanes = state.from<double>(position);
        if (any_negative(Accumulator::pack_signs(lanes))) {
          take_runs_as_rows<Accumulator, T>(lanes, runs, position, pack_lanes);
        }
      }
    }
  }
  take_last_runs<Accumulator, T>(state, runs, packed);
}

}  // namespace boxel::BOXEL_KERNELS
