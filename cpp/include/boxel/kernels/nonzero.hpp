// Samples that are not zero: count_nonzero, density, any, all; and sums of bool.

namespace boxel::BOXEL_KERNELS {

template <class G, class T>
BOXEL_INLINE G is_nonzero(T sample) {
  if constexpr (sizeof(T) == 1) {
    // min(x, 1) is one vector instruction where a comparison needs a mask.
    const auto byte = static_cast<std::uint8_t>(sample);
    return static_cast<G>(byte < 1 ? byte : 1);
  } else {
    return static_cast<G>(sample != T{0} ? 1 : 0);
  }
}

template <class S>
inline void finish_nonzero(Statistic statistic, const S* nonzero, std::int64_t lanes, Counts counts,
                           void* out) {
  if (statistic == Statistic::density || statistic == Statistic::mean) {
    divide_lanes(static_cast<double*>(out), nonzero, lanes, counts);
    return;
  }
  auto* integers = static_cast<std::int64_t*>(out);
  if (statistic == Statistic::any) {
    for (std::int64_t l = 0; l < lanes; ++l) integers[l] = nonzero[l] != 0;
  } else if (statistic == Statistic::all) {
    with_counts(lanes, counts, [=](std::int64_t l, double count) {
      integers[l] = static_cast<double>(nonzero[l]) == count;
    });
  } else {
    for (std::int64_t l = 0; l < lanes; ++l) integers[l] = static_cast<std::int64_t>(nonzero[l]);
  }
}

inline Natural natural_of_nonzero(Statistic statistic) {
  return statistic == Statistic::density || statistic == Statistic::mean ? Natural::float64
                                                                         : Natural::int64;
}

// S holds the box's volume; within a group of rows the count fits the sample's own width.
template <class T, class S>
class Nonzero final : public SlotTaker<Nonzero<T, S>, T, S, AddedRows<S, 1>> {
  using G = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                               std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>>;

 public:
  template <int R>
  BOXEL_SHARED static void take_rows(Lanes state, const RowPointers<T, R>& rows, std::int64_t lanes,
                                     std::int64_t before, std::int64_t ahead) {
    S* sums = state.row<S>(0);
    const auto count_at = [=](std::int64_t l) BOXEL_INLINED {
      return static_cast<S>(sum_rows<G, 0, R>(rows.rows, l, is_nonzero<G, T>));
    };
    if (before == 0) {
      for_lines(rows, lanes, ahead,
                [=](std::int64_t l, std::int64_t) BOXEL_INLINED { sums[l] = count_at(l); });
    } else {
      for_strips(rows, lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
        sums[l] = static_cast<S>(sums[l] + count_at(l));
      });
    }
  }

  void take_constant(Lanes state, std::int64_t lanes, Value value, double times, double) override {
    if (value.floating == 0) return;
    S* sums = state.row<S>(0);
    for (std::int64_t l = 0; l < lanes; ++l) {
      sums[l] = static_cast<S>(sums[l] + static_cast<S>(times));
    }
  }

  Subtraction subtraction() const override { return Subtraction::always; }

  void exchange(Lanes state, const void* added, const void* removed, std::int64_t lanes,
                std::int64_t ahead) override {
    S* sums = state.row<S>(0);
    const T* a = static_cast<const T*>(added);
    const T* r = static_cast<const T*>(removed);
    for_strips(RowPointers<T, 1>(a), lanes, ahead, [=](std::int64_t l) BOXEL_INLINED {
      sums[l] = exchanged(sums[l], static_cast<S>(is_nonzero<G, T>(a[l])),
                          static_cast<S>(is_nonzero<G, T>(r[l])));
    });
  }

  Natural natural(Statistic statistic) const override { return natural_of_nonzero(statistic); }

  void finish(Statistic statistic, Lanes state, std::int64_t lanes, Counts counts, double,
              void* out) override {
    finish_nonzero(statistic, state.row<S>(0), lanes, counts, out);
  }
};

}  // namespace boxel::BOXEL_KERNELS
