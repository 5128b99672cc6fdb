// Statistics of a box's samples as a whole: median and mode. Gathered cell by cell; a cell costs
// its volume in memory.

namespace boxel::BOXEL_KERNELS {

template <class T>
class Gathered final : public Selector {
  using N =
      std::conditional_t<std::is_floating_point_v<T>, double,
                         std::conditional_t<std::is_unsigned_v<T>, std::uint64_t, std::int64_t>>;

 public:
  explicit Gathered(bool integral_midpoint) : integral_midpoint_(integral_midpoint) {}

  std::size_t sample_size() const override { return sizeof(T); }

  void take(std::byte* storage, std::int64_t volume, std::int64_t* fill,
            std::span<const CellRun> runs, const RowGroup& group) override {
    T* samples = reinterpret_cast<T*>(storage);
    for (int k = 0; k < group.count; ++k) {
      const auto index = static_cast<std::size_t>(k);
      const T* row = static_cast<const T*>(group.samples[index]);
      const std::uint8_t* include = group.include[index];
      for (const CellRun& run : runs) {
        T* out = samples + run.cell * volume + fill[run.cell];
        if (include) {
          fill[run.cell] += copy_included(out, row + run.lane, include + run.lane, run.lanes);
        } else {
          for (std::int64_t l = 0; l < run.lanes; ++l) out[l] = row[run.lane + l];
          fill[run.cell] += run.lanes;
        }
      }
    }
  }

  void take_constant(std::byte* storage, std::int64_t volume, std::int64_t* fill, std::int64_t cell,
                     Value value, std::int64_t times) override {
    T* samples = reinterpret_cast<T*>(storage) + cell * volume + fill[cell];
    std::fill_n(samples, times, value_as<T>(value));
    fill[cell] += times;
  }

  Natural natural(Statistic statistic) const override {
    if (statistic == Statistic::mode) return natural_of_sample<T>();
    if (statistic == Statistic::median && integral_midpoint_) return natural_of_sample<T>();
    return Natural::float64;
  }

  void finish(Statistic statistic, std::byte* storage, std::int64_t volume,
              const std::int64_t* fill, std::int64_t cells, void* out) override {
    T* samples = reinterpret_cast<T*>(storage);
    for (std::int64_t cell = 0; cell < cells; ++cell) {
      T* first = samples + cell * volume;
      T* last = first + fill[cell];
      if (statistic == Statistic::mode) {
        static_cast<N*>(out)[cell] = static_cast<N>(mode(first, last));
      } else if (integral_midpoint_) {
        static_cast<N*>(out)[cell] = median<N>(first, last);
      } else {
        static_cast<double*>(out)[cell] = median<double>(first, last);
      }
    }
  }

 private:
  static std::int64_t copy_included(T* out, const T* in, const std::uint8_t* include,
                                    std::int64_t lanes) {
    std::int64_t copied = 0;
    for (std::int64_t l = 0; l < lanes; ++l) {
      if (include[l]) out[copied++] = in[l];
    }
    return copied;
  }

  // A total order needs the NaNs out of the way; one decides the result.
  static bool has_nan(const T* first, const T* last) {
    if constexpr (std::is_floating_point_v<T>) {
      bool found = false;
      for (; first != last; ++first) found |= *first != *first;
      return found;
    }
    return false;
  }

  template <class R>
  static R median(T* first, T* last) {
    const auto count = last - first;
    if constexpr (std::is_floating_point_v<R>) {
      if (count == 0 || has_nan(first, last)) return std::numeric_limits<R>::quiet_NaN();
    }
    if (count == 0) return R{};
    T* upper = first + count / 2;
    sort_around(first, upper, last);
    if (count % 2) return static_cast<R>(*upper);
    const T lower = *std::max_element(first, upper);
    return midpoint<R>(lower, *upper);
  }

  // Insertion is the faster order for the few samples that most boxes have.
  static void sort_around(T* first, T* middle, T* last) {
    if (last - first > few_samples) {
      std::nth_element(first, middle, last);
    } else {
      insertion_sort(first, last);
    }
  }

  static constexpr std::ptrdiff_t few_samples = 32;

  static void insertion_sort(T* first, T* last) {
    for (T* next = first + 1; next < last; ++next) {
      const T sample = *next;
      T* place = next;
      for (; place != first && sample < place[-1]; --place) *place = place[-1];
      *place = sample;
    }
  }

  template <class R>
  static R midpoint(T a, T b) {
    if constexpr (std::is_floating_point_v<R>) {
      if constexpr (std::is_floating_point_v<T>) {
        if (a == b) return static_cast<R>(a);  // also two infinities
        return static_cast<R>(a) / 2 + static_cast<R>(b) / 2;
      } else {
        return exact_quotient(static_cast<Int128>(a) + static_cast<Int128>(b), 2);
      }
    } else {
      const Int128 sum = static_cast<Int128>(a) + static_cast<Int128>(b);
      Int128 half = sum >> 1;
      if ((sum & 1) && (half & 1)) ++half;
      return static_cast<R>(half);
    }
  }

  static T mode(T* first, T* last) {
    if constexpr (std::is_floating_point_v<T>) {
      if (first == last || has_nan(first, last)) return std::numeric_limits<T>::quiet_NaN();
    }
    if (first == last) return T{};
    if (std::all_of(first + 1, last, [=](T sample) { return sample == *first; })) return *first;
    if (last - first > few_samples) {
      std::sort(first, last);
    } else {
      insertion_sort(first, last);
    }
    T best = *first;
    std::ptrdiff_t longest = 0;
    for (const T* start = first; start != last;) {
      const T* end = start;
      while (end != last && *end == *start) ++end;
      if (end - start > longest) {
        longest = end - start;
        best = *start;
      }
      start = end;
    }
    return best;
  }

  bool integral_midpoint_;
};

}  // namespace boxel::BOXEL_KERNELS
