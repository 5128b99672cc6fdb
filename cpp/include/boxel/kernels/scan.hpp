// Windows of lanes along a row, a vector of them at a time. Long windows cost as many operations
// for any size: a vector's windows are those of the vector before, with the samples that came in
// since and without those that went out. That is exact modulo 2^n, and for floats where a Grid
// proves that no sum of two windows is rounded.

namespace boxel::BOXEL_KERNELS {

template <class S>
struct Vector {
  typedef S type __attribute__((vector_size(BOXEL_VECTOR_BYTES)));
  static constexpr int lanes = BOXEL_VECTOR_BYTES / static_cast<int>(sizeof(S));
};

template <class S>
BOXEL_INLINE typename Vector<S>::type load_vector(const S* in) {
  typename Vector<S>::type v;
  std::memcpy(&v, in, sizeof(v));
  return v;
}

// Lane k of the result is lane k - By of `v`, which follows `before` in the row.
template <int By, class S, int... K>
BOXEL_INLINE typename Vector<S>::type earlier_lanes(typename Vector<S>::type before,
                                                    typename Vector<S>::type v,
                                                    std::integer_sequence<int, K...>) {
  return __builtin_shufflevector(before, v, (Vector<S>::lanes + K - By)...);
}

// For each lane of `v` the sum of as many lanes up to it as a vector has. `before` keeps what each
// doubling needs of the vectors before.
template <class S, int Summed = 1>
BOXEL_INLINE typename Vector<S>::type trailing_sums(typename Vector<S>::type v,
                                                    typename Vector<S>::type* before) {
  if constexpr (Summed < Vector<S>::lanes) {
    const auto earlier =
        earlier_lanes<Summed, S>(*before, v, std::make_integer_sequence<int, Vector<S>::lanes>{});
    *before = v;
    return trailing_sums<S, 2 * Summed>(v + earlier, before + 1);
  } else {
    return v;
  }
}

// Stores whole vectors of windows, and what is left of the last one. `Store` has a type Out, a
// place `out` and put(Out* to, vector).
template <class V, class Store>
BOXEL_INLINE void store_rest(const Store& store, std::int64_t lane, V windows, std::int64_t lanes) {
  typename Store::Out rest[sizeof(V) / sizeof(windows[0])];
  store.put(rest, windows);
  std::copy_n(rest, lanes, store.out + lane);
}

// Integers are added modulo 2^n, which signed types do not.
template <class S, bool = std::is_integral_v<S>>
struct Modular : std::type_identity<S> {};
template <class S>
struct Modular<S, true> : std::make_unsigned<S> {};

// What counts of lanes: all of them, or half of those of 64 bits. For lanes and vectors of them.
struct WholeLanes {
  template <class V>
  BOXEL_INLINE V operator()(V lanes) const {
    return lanes;
  }
};
struct HighHalves {
  template <class V>
  BOXEL_INLINE V operator()(V lanes) const {
    return lanes >> 32;
  }
};
struct LowHalves {
  template <class V>
  BOXEL_INLINE V operator()(V lanes) const {
    return lanes & std::uint64_t{0xffffffff};
  }
};

// The sum of some lanes. None is rounded here, so that their order is free: short chains.
template <class S, class Of>
BOXEL_INLINE S sum_lanes(const S* in, std::int64_t lanes, Of of) {
  using V = typename Vector<S>::type;
  constexpr std::int64_t width = Vector<S>::lanes;
  V even{};
  V odd{};
  std::int64_t l = 0;
  for (; l + 2 * width <= lanes; l += 2 * width) {
    even += of(load_vector(in + l));
    odd += of(load_vector(in + l + width));
  }
  if (l + width <= lanes) {
    even += of(load_vector(in + l));
    l += width;
  }
  even += odd;
  S sum{};
  for (int k = 0; k < width; ++k) sum = static_cast<S>(sum + even[k]);
  for (; l < lanes; ++l) sum = static_cast<S>(sum + of(in[l]));
  return sum;
}

// Windows of in[l], ..., in[l + size - 1], a vector after the other. One more may be read.
template <class S, class Of = WholeLanes>
class WindowScan {
  using V = typename Vector<S>::type;
  static constexpr std::int64_t width = Vector<S>::lanes;

 public:
  // One that is given a row later.
  WindowScan() {}
  BOXEL_INLINE WindowScan(const S* in, std::int64_t size)
      : last_(in + width - 1), size_(size), before_{} {
    const V changes = changes_at(in);
    const V since_first = trailing_sums<S>(
        earlier_lanes<1, S>(V{}, changes, std::make_integer_sequence<int, width>{}), before_);
    windows_ = since_first + sum_lanes(in, size, Of{});
  }

  BOXEL_INLINE V windows() const { return windows_; }

  BOXEL_INLINE void advance() {
    windows_ += trailing_sums<S>(changes_at(last_), before_);
    last_ += width;
  }

  // The windows of the next lanes, in whole vectors.
  BOXEL_INLINE void put(S* out, std::int64_t lanes) {
    WindowScan scan = *this;
    std::int64_t l = 0;
    for (; l + width <= lanes; l += width, scan.advance()) {
      std::memcpy(out + l, &scan.windows_, sizeof(V));
    }
    if (l < lanes) std::memcpy(out + l, &scan.windows_, sizeof(V));
    *this = scan;
  }

 private:
  // What comes in when a window moves on from a lane, without what goes out.
  BOXEL_INLINE V changes_at(const S* in) const {
    return Of{}(load_vector(in + size_)) - Of{}(load_vector(in));
  }

  const S* last_;  // the last lane with which a window of the vector begins
  std::int64_t size_;
  V windows_;
  V before_[std::bit_width(static_cast<unsigned>(width)) - 1];
};

template <class S, class Store, class Of = WholeLanes>
inline void exchange_windows(const S* in, std::int64_t lanes, std::int64_t size, const Store& store,
                             Of = {}) {
  constexpr std::int64_t width = Vector<S>::lanes;
  WindowScan<S, Of> scan(in, size);
  std::int64_t l = 0;
  for (; l + width <= lanes; l += width, scan.advance()) store.put(store.out + l, scan.windows());
  if (l < lanes) store_rest(store, l, scan.windows(), lanes - l);
}

// The same by sums of `Terms` lanes each, in the order in which windows are merged otherwise.
template <int Terms, class S, class Store>
inline void sum_windows(const S* in, std::int64_t lanes, const Store& store) {
  using V = typename Vector<S>::type;
  constexpr std::int64_t width = Vector<S>::lanes;
  const auto windows_at = [in](std::int64_t l) BOXEL_INLINED {
    V windows = load_vector(in + l);
    if constexpr (Terms > 1) windows += load_vector(in + l + 1);
    if constexpr (Terms == 3) windows += load_vector(in + l + 2);
    if constexpr (Terms > 3) windows += load_vector(in + l + 2) + load_vector(in + l + 3);
    if constexpr (Terms > 4) windows += load_vector(in + l + 4);
    return windows;
  };
  std::int64_t l = 0;
  for (; l + width <= lanes; l += width) store.put(store.out + l, windows_at(l));
  if (l < lanes) store_rest(store, l, windows_at(l), lanes - l);
}

// Returns false for windows that have to be merged from smaller ones.
template <class S, class Store>
inline bool slide_windows(const S* in, const RowWindows& windows, const Store& store) {
  switch (windows.size) {
    case 1:
      sum_windows<1>(in, windows.lanes, store);
      return true;
    case 2:
      sum_windows<2>(in, windows.lanes, store);
      return true;
    case 3:
      sum_windows<3>(in, windows.lanes, store);
      return true;
    case 4:
      sum_windows<4>(in, windows.lanes, store);
      return true;
    case 5:
      sum_windows<5>(in, windows.lanes, store);
      return true;
    default:
      if (windows.exchanges) exchange_windows(in, windows.lanes, windows.size, store);
      return windows.exchanges;
  }
}

// Keeps windows as they are.
template <class S>
struct KeptWindows {
  using Out = S;
  S* out;
  BOXEL_INLINE void put(S* to, typename Vector<S>::type windows) const {
    std::memcpy(to, &windows, sizeof(windows));
  }
};

// Finishes them lane by lane.
template <class S, class Finish>
struct FinishedWindows {
  using Out = decltype(std::declval<Finish>()(S{}));
  Out* out;
  Finish finish;
  BOXEL_INLINE void put(Out* to, typename Vector<S>::type windows) const {
    Out finished[Vector<S>::lanes];
    for (int k = 0; k < Vector<S>::lanes; ++k) finished[k] = finish(windows[k]);
    std::memcpy(to, finished, sizeof(finished));
  }
};

}  // namespace boxel::BOXEL_KERNELS
