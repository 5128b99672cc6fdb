// How samples enter the state of one lane: begin() with what the lane holds (or nothing), add()
// sample by sample, end() brings the lane up to date. The states are those of masked work.

namespace boxel::BOXEL_KERNELS {

// The type in which the states of masked work take samples.
template <class T>
using Widest =
    std::conditional_t<std::is_floating_point_v<T>, double,
                       std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;

template <class T>
class CountTaker {
 public:
  BOXEL_INLINE void begin(Lanes, std::int64_t) {}
  BOXEL_INLINE void add(T) { ++count_; }
  BOXEL_INLINE void end(Lanes state, std::int64_t lane) {
    state.row<std::int64_t>(0)[lane] += count_;
  }

 private:
  std::int64_t count_ = 0;
};

template <class T>
class NonzeroTaker {
 public:
  BOXEL_INLINE void begin(Lanes, std::int64_t) {}
  BOXEL_INLINE void add(T sample) { count_ += sample != T{0} ? 1 : 0; }
  BOXEL_INLINE void end(Lanes state, std::int64_t lane) {
    state.row<std::int64_t>(0)[lane] += count_;
  }

 private:
  std::int64_t count_ = 0;
};

// Adds to sums that are kept in two halves, as by WideSum; the low one stays below 2^32.
BOXEL_INLINE void add_halves(std::int64_t& high, std::int64_t& low, std::int64_t added_high,
                             std::int64_t added_low) {
  const std::int64_t sum = low + added_low;
  high += added_high + (sum >> 32);
  low = sum & 0xffffffff;
}

template <class T>
class SumTaker {
  static constexpr bool wide = sizeof(T) == 8;

 public:
  BOXEL_INLINE void begin(Lanes, std::int64_t) {}
  BOXEL_INLINE void add(T sample) {
    if constexpr (wide) {
      high_ += static_cast<std::int64_t>(sample >> 32);
      low_ += static_cast<std::int64_t>(static_cast<std::uint64_t>(sample) & 0xffffffffu);
    } else {
      low_ += static_cast<std::int64_t>(sample);
    }
  }
  BOXEL_INLINE void end(Lanes state, std::int64_t lane) {
    std::int64_t& high = state.row<std::int64_t>(0)[lane];
    std::int64_t& low = state.row<std::int64_t>(1)[lane];
    add_halves(high, low, high_ + (low_ >> 32), low_ & 0xffffffff);
  }

 private:
  std::int64_t high_ = 0;
  std::int64_t low_ = 0;
};

template <class T>
class FloatSumTaker {
 public:
  BOXEL_INLINE void begin(Lanes state, std::int64_t lane) { sum_ = state.row<double>(0)[lane]; }
  BOXEL_INLINE void add(T sample) { sum_ += static_cast<double>(sample); }
  BOXEL_INLINE void end(Lanes state, std::int64_t lane) { state.row<double>(0)[lane] = sum_; }

 private:
  double sum_ = 0;
};

template <class T, bool Largest>
class ExtremumTaker {
  using X = Widest<T>;

 public:
  BOXEL_INLINE void begin(Lanes state, std::int64_t lane) { extreme_ = state.row<X>(0)[lane]; }
  BOXEL_INLINE void add(T sample) { extreme_ = extreme<Largest>(extreme_, static_cast<X>(sample)); }
  BOXEL_INLINE void end(Lanes state, std::int64_t lane) { state.row<X>(0)[lane] = extreme_; }

 private:
  X extreme_ = 0;
};

// Exact sums of x and x^2, as in Squares.
template <class T>
class SquaresTaker {
  // Of a run, which is at most some thousand samples long.
  using Squared = std::conditional_t<sizeof(T) <= 2, std::uint64_t, UInt128>;

 public:
  BOXEL_INLINE void begin(Lanes, std::int64_t) {}
  BOXEL_INLINE void add(T sample) {
    const auto wide = static_cast<std::int64_t>(sample);
    sum_ += wide;
    squares_ += static_cast<std::uint64_t>(wide) * static_cast<std::uint64_t>(wide);
  }
  BOXEL_INLINE void end(Lanes state, std::int64_t lane) {
    state.row<std::int64_t>(0)[lane] += sum_;
    add_halves(state.row<std::int64_t>(1)[lane], state.row<std::int64_t>(2)[lane],
               static_cast<std::int64_t>(squares_ >> 32),
               static_cast<std::int64_t>(squares_ & 0xffffffffu));
  }

 private:
  std::int64_t sum_ = 0;
  Squared squares_ = 0;
};

// Mean and M2. Samples that follow each other are gathered in a batch by their differences from the
// mean of the lane. With at most three times as many samples as the lane, M2 of both cannot be
// negative and loses at most a factor 4, and the mean does not stay near a single distant sample. A
// batch is merged into the lane when it is full, and before samples so far away that their squares
// could overflow, which go in one by one.
template <class T>
class MomentsTaker {
  using Rows = CountedMoments;
  static constexpr double most = 64;
  static constexpr double far = 0x1p500;

 public:
  BOXEL_INLINE void begin(Lanes state, std::int64_t lane) {
    n_ = state.row<double>(Rows::n)[lane];
    origin_ = state.row<double>(Rows::origin)[lane];
    offset_ = state.row<double>(Rows::offset)[lane];
    m2_ = state.row<double>(Rows::m2)[lane];
    set_batch();
  }
  BOXEL_INLINE void add(T sample) {
    const auto x = static_cast<double>(sample);
    if (count_ == 0) {
      center_ = is_finite(mean_) ? mean_ : x;
      differences_ = 0;
      squares_ = 0;
    }
    const double d = x - center_;
    // Not a number where the sample is not finite.
    if (!(std::fabs(d) < far)) return add_far(x);
    differences_ += d;
    squares_ += d * d;
    if (++count_ == full_) merge_batch();
  }
  // One sample into a lane (West, 1979), with a single division where nothing can overflow.
  static BOXEL_INLINE void take_one(Lanes state, std::int64_t lane, T sample) {
    double& n = state.row<double>(Rows::n)[lane];
    double& origin = state.row<double>(Rows::origin)[lane];
    double& offset = state.row<double>(Rows::offset)[lane];
    double& m2 = state.row<double>(Rows::m2)[lane];
    const auto x = static_cast<double>(sample);
    const double delta = (x - origin) - offset;
    if (!(n > 0) || !(std::fabs(delta) < far)) {
      return Rows::add(x, 1.0, true, n, origin, offset, m2);
    }
    const double share = 1.0 / (n + 1.0);
    offset += delta * share;
    m2 += delta * delta * (n * share);
    const bool moves = moves_origin(static_cast<std::int64_t>(n), 1);
    n += 1.0;
    if (moves) {
      const Mean mean = centred({origin, offset});
      origin = mean.origin;
      offset = mean.offset;
    }
  }
  BOXEL_INLINE void end(Lanes state, std::int64_t lane) {
    if (count_ > 0) merge_batch();
    state.row<double>(Rows::n)[lane] = n_;
    state.row<double>(Rows::origin)[lane] = origin_;
    state.row<double>(Rows::offset)[lane] = offset_;
    state.row<double>(Rows::m2)[lane] = m2_;
  }

 private:
  void add_far(double x) {
    if (count_ > 0) merge_batch();
    Rows::add(x, 1.0, true, n_, origin_, offset_, m2_);
    set_batch();
  }

  BOXEL_INLINE void merge_batch() {
    if (n_ > 0) {
      const double mean = differences_ / count_;
      const double m2 = squares_ - differences_ * mean;
      Rows::merge_lane(n_, origin_, offset_, m2_, count_, {center_, mean}, m2);
    } else {
      n_ = 1;
      origin_ = center_;
    }
    count_ = 0;
    set_batch();
  }

  // The batch of an empty lane is its first sample.
  BOXEL_INLINE void set_batch() {
    full_ = n_ > 0 ? std::min(most, 3 * n_) : 1;
    mean_ = n_ > 0 ? origin_ + offset_ : not_a_number();
  }

  double n_ = 0, origin_ = 0, offset_ = 0, m2_ = 0, mean_ = 0;                // of the lane
  double count_ = 0, full_ = 1, center_ = 0, differences_ = 0, squares_ = 0;  // of the batch
};

}  // namespace boxel::BOXEL_KERNELS
