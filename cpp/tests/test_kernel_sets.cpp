// Every kernel set gives the same bits: states and results of every accumulator and selector.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "boxel/memory.hpp"
#include "boxel/rows.hpp"
#include "check.hpp"
#include "random.hpp"
#include "state.hpp"

namespace boxel::test {
namespace {

// What accumulators are given.
enum class Data : std::uint8_t { small, full, special, zeros };

struct Case {
  StateRequest request;
  Data data;
  std::int64_t lanes;
  std::uint64_t seed;
};

bool is_floating(Sample sample) { return sample == Sample::float32 || sample == Sample::float64; }

bool has_floating_state(const StateRequest& request) {
  switch (request.kind) {
    case StateKind::mean:
    case StateKind::moments:
    case StateKind::float_sums:
    case StateKind::float_squares:
    case StateKind::weighted:
    case StateKind::higher_moments:
    case StateKind::weighted_moments:
      return true;
    case StateKind::sum:
    case StateKind::min:
    case StateKind::max:
      return is_floating(request.sample);
    default:
      return false;
  }
}

std::string describe(const Case& c) {
  return "kind " + std::to_string(static_cast<int>(c.request.kind)) + " sample " +
         std::to_string(static_cast<int>(c.request.sample)) +
         (c.request.masked ? " masked" : " dense") + " data " +
         std::to_string(static_cast<int>(c.data)) + " lanes " + std::to_string(c.lanes);
}

template <class T>
T random_sample(Random& random, const Case& c) {
  if constexpr (std::is_floating_point_v<T>) {
    if (c.data == Data::zeros) return random.one_in(16) ? T{0} : -T{0};
    if (c.data == Data::special && random.one_in(8)) {
      using L = std::numeric_limits<T>;
      return random.pick<T>({L::quiet_NaN(), L::infinity(), -L::infinity(), L::max(), L::lowest(),
                             L::denorm_min(), T{0}, -T{0}});
    }
    if (c.data == Data::small) return static_cast<T>(random.between(-3, 3)) / 4;
    const auto exponent = static_cast<int>(random.between(-40, 40));
    return static_cast<T>(std::ldexp(random.uniform(-1, 1), exponent));
  } else {
    if (c.data == Data::zeros) return T{0};
    if (c.data == Data::small) return static_cast<T>(random.between(0, 3));
    // Squares are asked for only where samples came from 32 bits.
    if (c.request.kind == StateKind::squares && sizeof(T) == 8) {
      return static_cast<T>(static_cast<std::int32_t>(random.bits()));
    }
    return static_cast<T>(random.bits());
  }
}

template <class T>
Rows typed_rows(Random& random, const Case& c, std::int64_t count) {
  Rows rows;
  rows.lanes = c.lanes;
  rows.count = count;
  rows.sample_size = sizeof(T);
  const auto samples = static_cast<std::size_t>(c.lanes * count);
  rows.samples.resize(samples * sizeof(T));
  auto* typed = reinterpret_cast<T*>(rows.samples.data());
  for (std::size_t k = 0; k < samples; ++k) {
    typed[k] = random_sample<T>(random, c);
    const bool counts = !random.one_in(3);
    rows.include.push_back(counts ? 1 : 0);
    rows.weights.push_back(counts ? random.uniform(0.1, 3) : 0);
  }
  return rows;
}

Rows random_rows(Random& random, const Case& c, std::int64_t count) {
  switch (c.request.sample) {
    case Sample::int8:
      return typed_rows<std::int8_t>(random, c, count);
    case Sample::int16:
      return typed_rows<std::int16_t>(random, c, count);
    case Sample::int32:
      return typed_rows<std::int32_t>(random, c, count);
    case Sample::int64:
      return typed_rows<std::int64_t>(random, c, count);
    case Sample::uint8:
      return typed_rows<std::uint8_t>(random, c, count);
    case Sample::uint16:
      return typed_rows<std::uint16_t>(random, c, count);
    case Sample::uint32:
      return typed_rows<std::uint32_t>(random, c, count);
    case Sample::uint64:
      return typed_rows<std::uint64_t>(random, c, count);
    case Sample::float32:
      return typed_rows<float>(random, c, count);
    case Sample::float64:
      return typed_rows<double>(random, c, count);
  }
  throw std::logic_error("unknown sample type");
}

// All bits that came out, in order, with a name for each step.
class Log {
 public:
  template <class T>
  void add(const std::string& step, const T* values, std::int64_t count) {
    std::string bits;
    for (std::int64_t k = 0; k < count; ++k) {
      T value = values[k];
      // Which NaN an operation hands on is left to the compiler by IEEE 754.
      if constexpr (std::is_floating_point_v<T>) {
        if (value != value) value = std::numeric_limits<T>::quiet_NaN();
      }
      bits.append(reinterpret_cast<const char*>(&value), sizeof(T));
    }
    steps_.push_back({step, bits});
  }

  // The first step that differs, or nothing.
  std::string difference(const Log& other) const {
    if (steps_.size() != other.steps_.size()) return "number of steps";
    for (std::size_t k = 0; k < steps_.size(); ++k) {
      if (steps_[k].bits != other.steps_[k].bits) return steps_[k].name;
    }
    return {};
  }

 private:
  struct Step {
    std::string name;
    std::string bits;
  };
  std::vector<Step> steps_;
};

// States of spans that stay open.
bool is_open(StateKind kind) {
  return kind == StateKind::higher_moments || kind == StateKind::weighted_moments;
}

std::vector<Statistic> statistics_of(StateKind kind) {
  switch (kind) {
    case StateKind::count:
      return {Statistic::count};
    case StateKind::nonzero:
      return {Statistic::count_nonzero, Statistic::density, Statistic::any,
              Statistic::all,           Statistic::sum,     Statistic::mean};
    case StateKind::sum:
    case StateKind::float_sums:
      return {Statistic::sum, Statistic::mean};
    case StateKind::min:
      return {Statistic::min};
    case StateKind::max:
      return {Statistic::max};
    case StateKind::mean:
      return {Statistic::mean};
    case StateKind::moments:
    case StateKind::higher_moments:
    case StateKind::weighted_moments:
      return {Statistic::mean, Statistic::var, Statistic::std};
    case StateKind::squares:
    case StateKind::wide_squares:
      return {Statistic::mean, Statistic::var, Statistic::std};
    case StateKind::short_squares:
    case StateKind::float_squares:
      return {Statistic::var, Statistic::std};
    case StateKind::weighted:
      return {Statistic::sum, Statistic::mean, Statistic::density, Statistic::var, Statistic::std};
    case StateKind::gathered:
      return {Statistic::median, Statistic::mode};
  }
  return {};
}

// Puts an accumulator through all its operations and keeps what comes out.
class Script {
 public:
  Script(const KernelSet& kernels, const Case& c)
      : case_(c), accumulator_(kernels.make_accumulator(c.request)), random_(c.seed) {}

  Log run() {
    if (accumulator_->splits() && case_.data == Data::small) begin_exchanges();
    const State a = taken({1, 8, 7}, "take 16");
    const State b = taken({2, 3, 8, 4, 5, 6}, "take 28");
    const State one = taken({3}, "take 3");
    const State merged(*accumulator_, case_.lanes);
    accumulator_->merge(merged.lanes(), a.lanes(), b.lanes(), case_.lanes, 16, 28);
    add_state("merge", merged.lanes(), case_.lanes);
    pick(b.lanes());
    fold_adjacent(b.lanes());
    finish(merged.lanes(), 44);
    gather(b.lanes());
    copy_lanes(b.lanes());
    clear(b.lanes());
    merge_ahead(b.lanes());
    give_up(a.lanes(), b.lanes(), one.lanes());
    merge_in_place(a.lanes());
    take_constant(one.lanes());
    return std::move(log_);
  }

 private:
  // Small samples are quarters; what may be finer is split into more parts.
  void begin_exchanges() {
    const double finest = random_.pick<double>({0x1p-2, 0x1p-24, 0x1p-46});
    CHECK(accumulator_->begin_exchanges({0x1p6, finest}, 256), describe(case_));
  }

  State taken(const std::vector<int>& groups, const std::string& step) {
    State state(*accumulator_, case_.lanes);
    const Rows rows = random_rows(random_, case_, std::accumulate(groups.begin(), groups.end(), 0));
    std::int64_t first = 0;
    for (const int size : groups) {
      accumulator_->take(state.lanes(), rows.group(first, size), case_.lanes, first);
      first += size;
    }
    add_state(step, state.lanes(), case_.lanes);
    return state;
  }

  void pick(Lanes in) {
    for (const std::int64_t inner : {1, 2, 3}) {
      for (const std::int64_t step : {1, 2, 3, 4, 5, 8}) {
        const std::int64_t count = case_.lanes / (step * inner);
        const State out(*accumulator_, std::max<std::int64_t>(1, count * inner));
        accumulator_->pick(out.lanes(), in, count, step, inner);
        add_state("pick " + std::to_string(step), out.lanes(), count * inner);
      }
    }
  }

  void fold_adjacent(Lanes in) {
    for (int size = 2; size <= 16; ++size) {
      if (!accumulator_->folds_adjacent(size)) continue;
      const std::int64_t count = case_.lanes / size;
      const State out(*accumulator_, std::max<std::int64_t>(1, count));
      accumulator_->fold_adjacent(out.lanes(), in, count, size, 28);
      add_state("fold " + std::to_string(size), out.lanes(), count);
    }
  }

  void gather(Lanes in) {
    std::vector<std::int64_t> index;
    for (std::int64_t k = 0; k < 2 * case_.lanes; ++k) {
      index.push_back(random_.between(0, case_.lanes - 1));
    }
    const State out(*accumulator_, 2 * case_.lanes);
    accumulator_->gather(out.lanes(), in, index.data(), 2 * case_.lanes);
    add_state("gather", out.lanes(), 2 * case_.lanes);
  }

  // Margins of two rows, from lanes that are not written: the same as by gather().
  void copy_lanes(Lanes in) {
    constexpr std::int64_t margin = 9;
    const std::int64_t pitch = case_.lanes + 2 * margin;
    const State rows(*accumulator_, 2 * pitch);
    const Lanes first = rows.lanes().from(margin);
    std::vector<LaneCopy> copies;
    for (const std::int64_t to : {-margin, case_.lanes}) {
      const std::int64_t lanes = std::min(margin, case_.lanes);
      const std::int64_t step = random_.between(-1, 1);
      const std::int64_t first = random_.between(0, case_.lanes - lanes);
      copies.push_back({to, step < 0 ? first + lanes - 1 : first, step, lanes});
    }
    for (std::int64_t row = 0; row < 2; ++row) {
      accumulator_->pick(first.from(row * pitch), in, 1, 1, case_.lanes);
    }
    accumulator_->copy_lanes(first, copies, 2, pitch);
    for (std::int64_t row = 0; row < 2; ++row) {
      for (const LaneCopy& copy : copies) {
        std::vector<std::int64_t> index;
        for (std::int64_t k = 0; k < copy.lanes; ++k) index.push_back(copy.from + k * copy.step);
        const State expected(*accumulator_, copy.lanes);
        accumulator_->gather(expected.lanes(), in, index.data(), copy.lanes);
        check_same("copy_lanes", first.from(row * pitch + copy.to), expected.lanes(), copy.lanes);
      }
      check_same("copied row", first.from(row * pitch), in, case_.lanes);
    }
  }

  // What holds no sample adds nothing.
  void clear(Lanes held) {
    if (!accumulator_->has_empty()) return;
    const State state(*accumulator_, case_.lanes);
    accumulator_->clear(state.lanes(), case_.lanes);
    add_state("clear", state.lanes(), case_.lanes);
    accumulator_->merge(state.lanes(), state.lanes(), held, case_.lanes, 0, 28);
    add_state("merge into clear", state.lanes(), case_.lanes);
  }

  void merge_ahead(Lanes in) {
    for (const int terms : {2, 3, 4}) {
      for (const std::int64_t step : {1, 2, 5}) {
        const std::int64_t lanes = case_.lanes - (terms - 1) * step;
        if (lanes <= 0) continue;
        const State out(*accumulator_, lanes);
        accumulator_->merge_ahead(out.lanes(), in, lanes, step, terms, 28);
        add_state("merge " + std::to_string(terms) + " ahead", out.lanes(), lanes);
      }
    }
  }

  // Sums of floats give up samples only where nothing is rounded, as with quarters of integers.
  bool gives_up() const {
    if (accumulator_->subtraction() == Subtraction::if_exact) return case_.data == Data::small;
    return accumulator_->subtraction() == Subtraction::always;
  }

  void give_up(Lanes a, Lanes b, Lanes one) {
    if (!gives_up()) return;
    const State state(*accumulator_, case_.lanes);
    accumulator_->merge(state.lanes(), a, one, case_.lanes, 16, 3);
    accumulator_->exchange_states(state.lanes(), state.lanes(), b, a, case_.lanes);
    add_state("exchange_states", state.lanes(), case_.lanes);
    const State expected(*accumulator_, case_.lanes);
    accumulator_->merge(expected.lanes(), one, b, case_.lanes, 3, 28);
    check_same("exchange_states", state.lanes(), expected.lanes(), case_.lanes);
    exchange(state.lanes(), expected.lanes());
    exchange_windows(a);
  }

  void exchange(Lanes state, Lanes expected) {
    const Rows rows = random_rows(random_, case_, 4);
    accumulator_->take(state, rows.group(0, 3), case_.lanes, 0);
    RowGroup group = rows.group(0, 4);
    accumulator_->exchange(state, group.samples[3], group.samples[1], case_.lanes, 0);
    add_state("exchange", state, case_.lanes);
    group.count = 3;
    group.samples[1] = group.samples[3];
    accumulator_->take(expected, group, case_.lanes, 0);
    // Exact sums in halves are kept in one way only after a merge.
    const State empty(*accumulator_, case_.lanes);
    accumulator_->clear(empty.lanes(), case_.lanes);
    accumulator_->merge(expected, expected, empty.lanes(), case_.lanes, 3, 0);
    check_same("exchange", state, expected, case_.lanes);
  }

  void exchange_windows(Lanes from) {
    const auto line = static_cast<std::int64_t>(cache_line / accumulator_->lane_size());
    const State in(*accumulator_, case_.lanes + line);
    accumulator_->pick(in.lanes(), from, 1, 1, case_.lanes);
    for (const std::int64_t size : {1, 2, 6, 13, 40}) {
      const std::int64_t lanes = case_.lanes - size + 1;
      if (lanes <= 0) continue;
      const State out(*accumulator_, lanes);
      accumulator_->exchange_windows(out.lanes(), in.lanes(), lanes, size);
      add_state("windows " + std::to_string(size), out.lanes(), lanes);
      const State expected(*accumulator_, lanes);
      accumulator_->clear(expected.lanes(), lanes);
      for (std::int64_t k = 0; k < size; ++k) {
        accumulator_->merge(expected.lanes(), expected.lanes(), from.from(k), lanes,
                            static_cast<double>(16 * k), 16);
      }
      check_same("windows", out.lanes(), expected.lanes(), lanes);
    }
  }

  // States that do not tile are not padded either.
  void take_constant(Lanes state) {
    const bool slides = accumulator_->splits() || case_.request.kind == StateKind::short_squares;
    if (slides || is_open(case_.request.kind)) return;
    accumulator_->take_constant(state, case_.lanes, {3, 3}, 5, 3);
    add_state("take_constant", state, case_.lanes);
    finish(state, 8);
  }

  // With what lies ahead in the same rows.
  void merge_in_place(Lanes state) {
    double held = 16;
    for (const std::int64_t ahead : {1, 2, 4}) {
      const std::int64_t reach = case_.lanes - (2 * ahead - 1);
      if (reach <= 0) return;
      accumulator_->merge(state, state, state.from(ahead), reach, held, held);
      held *= 2;
      add_state("merge in place " + std::to_string(ahead) + " ahead", state, reach);
    }
  }

  void finish(Lanes state, double count) {
    std::vector<std::int64_t> counts;
    for (std::int64_t l = 0; l < case_.lanes; ++l) counts.push_back(random_.between(0, 50));
    const Counts uniform{count, nullptr};
    const Counts per_lane{0, counts.data()};
    const Counts held = case_.request.masked ? per_lane : uniform;
    for (const Statistic statistic : statistics_of(case_.request.kind)) {
      for (const double ddof : {0.0, 1.0, 0.5}) finish(state, statistic, held, ddof);
    }
    if (accumulator_->finishes_whole()) finish_whole(state, held);
  }

  void finish_whole(Lanes state, Counts counts) {
    std::vector<std::uint64_t> values(static_cast<std::size_t>(case_.lanes));
    accumulator_->finish_whole(state, case_.lanes, counts, values.data());
    log_.add("finish whole", values.data(), case_.lanes);
  }

  void finish(Lanes state, Statistic statistic, Counts counts, double ddof) {
    const std::string step = "finish " + std::string(info_of(statistic).name);
    std::vector<double> values(static_cast<std::size_t>(case_.lanes));
    accumulator_->finish(statistic, state, case_.lanes, counts, ddof, values.data());
    if (accumulator_->natural(statistic) == Natural::float64) {
      log_.add(step, values.data(), case_.lanes);
    } else {
      log_.add(step, reinterpret_cast<const std::byte*>(values.data()), case_.lanes * 8);
    }
  }

  void check_same(const std::string& step, Lanes found, Lanes expected, std::int64_t lanes) const {
    Log found_log;
    Log expected_log;
    if (accumulator_->splits()) {
      // Not all rows are in use.
      add_results(found_log, found, lanes);
      add_results(expected_log, expected, lanes);
    } else {
      add_state(found_log, step, found, lanes);
      add_state(expected_log, step, expected, lanes);
    }
    CHECK_EQ(found_log.difference(expected_log), "", describe(case_));
  }

  void add_results(Log& log, Lanes state, std::int64_t lanes) const {
    std::vector<double> values(static_cast<std::size_t>(lanes));
    for (const Statistic statistic : statistics_of(case_.request.kind)) {
      accumulator_->finish(statistic, state, lanes, {44, nullptr}, 0, values.data());
      log.add(std::string(info_of(statistic).name), values.data(), lanes);
    }
  }

  void add_state(const std::string& step, Lanes state, std::int64_t lanes) {
    add_state(log_, step, state, lanes);
  }

  void add_state(Log& log, const std::string& step, Lanes state, std::int64_t lanes) const {
    const bool floating = has_floating_state(case_.request);
    for (int row = 0; row < accumulator_->rows(); ++row) {
      const std::string name = step + " row " + std::to_string(row);
      switch (accumulator_->lane_size()) {
        case 1:
          log.add(name, state.row<std::uint8_t>(row), lanes);
          break;
        case 2:
          log.add(name, state.row<std::uint16_t>(row), lanes);
          break;
        case 4:
          if (floating) {
            log.add(name, state.row<float>(row), lanes);
          } else {
            log.add(name, state.row<std::uint32_t>(row), lanes);
          }
          break;
        default:
          if (floating) {
            log.add(name, state.row<double>(row), lanes);
          } else {
            log.add(name, state.row<std::uint64_t>(row), lanes);
          }
      }
    }
  }

  const Case& case_;
  std::unique_ptr<Accumulator> accumulator_;
  Random random_;
  Log log_;
};

bool exists(const KernelSet& kernels, const StateRequest& request) {
  if (request.masked && request.kind == StateKind::squares && is_floating(request.sample)) {
    return false;  // a copy of the code that no plan asks for
  }
  try {
    kernels.make_accumulator(request);
    return true;
  } catch (const std::logic_error&) {
    return false;
  }
}

// The orders in which a kind of state comes.
std::vector<int> orders_of(StateKind kind) {
  return is_open(kind) ? std::vector<int>{2, 3, 4} : std::vector<int>{2};
}

std::vector<StateRequest> all_requests() {
  std::vector<StateRequest> requests;
  for (int kind = 0; kind < static_cast<int>(StateKind::gathered); ++kind) {
    for (int sample = 0; sample <= static_cast<int>(Sample::float64); ++sample) {
      for (const bool masked : {false, true}) {
        for (const double volume : {100.0, 1000.0, 1e9}) {
          for (const int order : orders_of(static_cast<StateKind>(kind))) {
            requests.push_back({static_cast<StateKind>(kind), static_cast<Sample>(sample), masked,
                                volume, false, order});
          }
        }
      }
    }
  }
  return requests;
}

// Calls body(case) for each request that the kernels can meet, on all kinds of data.
template <class Body>
int for_all_cases(Body&& body) {
  int requests = 0;
  for (const StateRequest& request : all_requests()) {
    if (!exists(*available_kernel_sets().front(), request)) continue;
    ++requests;
    for (const Data data : {Data::small, Data::full, Data::special, Data::zeros}) {
      for (const std::int64_t lanes : {1, 13, 64, 131}) {
        body(Case{request, data, lanes, static_cast<std::uint64_t>(requests) * 100});
      }
    }
  }
  return requests;
}

}  // namespace

TEST(kernel_sets_have_the_same_accumulators) {
  for (const StateRequest& request : all_requests()) {
    const bool expected = exists(*available_kernel_sets().front(), request);
    for (const KernelSet* kernels : available_kernel_sets()) {
      CHECK_EQ(exists(*kernels, request), expected, kernels->name);
      if (!expected) continue;
      const auto accumulator = kernels->make_accumulator(request);
      const auto first = available_kernel_sets().front()->make_accumulator(request);
      CHECK_EQ(accumulator->lane_size(), first->lane_size(), kernels->name);
      CHECK_EQ(accumulator->rows(), first->rows(), kernels->name);
      CHECK_EQ(accumulator->has_empty(), first->has_empty(), kernels->name);
      CHECK_EQ(accumulator->subtraction(), first->subtraction(), kernels->name);
      CHECK_EQ(accumulator->finishes_whole(), first->finishes_whole(), kernels->name);
    }
  }
}

TEST(kernel_sets_give_the_same_states_and_results) {
  const auto& sets = available_kernel_sets();
  const int requests = for_all_cases([&](const Case& c) {
    const Log expected = Script(*sets.front(), c).run();
    for (const KernelSet* kernels : sets) {
      const std::string difference = Script(*kernels, c).run().difference(expected);
      CHECK_EQ(difference, "", kernels->name, describe(c));
    }
  });
  // Ten sample types in sums, extremes and counts alone.
  CHECK(requests > 100, requests);
}

namespace {

// All statistics of the samples that lanes of a row hand to a few cells.
template <class T>
Log selected(const KernelSet& kernels, const Case& c) {
  const auto selector = kernels.make_selector(c.request);
  constexpr std::int64_t cells = 5;
  const std::int64_t rows = 16;
  const std::int64_t volume = c.lanes * rows + 3;
  Random random(c.seed);
  const Rows taken = typed_rows<T>(random, c, rows);
  std::vector<CellRun> runs;
  for (std::int64_t l = 0; l < c.lanes; l += 3) {
    runs.push_back({l, std::min<std::int64_t>(random.between(1, 3), c.lanes - l),
                    random.between(0, cells - 2)});
  }
  std::vector<std::byte> storage(static_cast<std::size_t>(cells * volume) *
                                 selector->sample_size());
  std::vector<std::int64_t> fill(cells, 0);
  for (std::int64_t first = 0; first < rows; first += max_group) {
    RowGroup group = taken.group(first, max_group);
    if (!c.request.masked) group.include = {};
    selector->take(storage.data(), volume, fill.data(), runs, group);
  }
  selector->take_constant(storage.data(), volume, fill.data(), 1, {2, 2}, 3);
  Log log;
  log.add("fill", fill.data(), cells);
  for (const Statistic statistic : statistics_of(StateKind::gathered)) {
    std::vector<double> values(cells);
    std::vector<std::byte> sorted = storage;
    selector->finish(statistic, sorted.data(), volume, fill.data(), cells, values.data());
    if (selector->natural(statistic) == Natural::float64) {
      log.add(std::string(info_of(statistic).name), values.data(), cells);
    } else {
      log.add(std::string(info_of(statistic).name),
              reinterpret_cast<const std::byte*>(values.data()), cells * 8);
    }
  }
  return log;
}

template <class T>
void check_selectors(Sample sample) {
  for (const bool masked : {false, true}) {
    for (const bool integral_midpoint : {false, true}) {
      if (integral_midpoint && std::is_floating_point_v<T>) continue;
      for (const Data data : {Data::small, Data::full, Data::special, Data::zeros}) {
        for (const std::int64_t lanes : {1, 13, 64}) {
          const Case c{{StateKind::gathered, sample, masked, 1, integral_midpoint}, data, lanes, 7};
          const Log expected = selected<T>(*available_kernel_sets().front(), c);
          for (const KernelSet* kernels : available_kernel_sets()) {
            CHECK_EQ(selected<T>(*kernels, c).difference(expected), "", kernels->name, describe(c));
          }
        }
      }
    }
  }
}

}  // namespace

TEST(kernel_sets_survey_the_same) {
  for (const Sample sample : {Sample::float32, Sample::float64}) {
    for (const Data data : {Data::small, Data::full, Data::special, Data::zeros}) {
      for (const std::int64_t lanes : {0, 1, 13, 64, 131}) {
        const Case c{{StateKind::sum, sample, false, 1, false}, data, lanes, 11};
        Random random(c.seed);
        const Rows rows = random_rows(random, c, 1);
        Grid expected;
        available_kernel_sets().front()->survey(expected, sample, rows.samples.data(), lanes);
        for (const KernelSet* kernels : available_kernel_sets()) {
          Grid grid;
          kernels->survey(grid, sample, rows.samples.data(), lanes);
          CHECK_EQ(grid.largest, expected.largest, kernels->name, describe(c));
          CHECK_EQ(grid.finest, expected.finest, kernels->name, describe(c));
          CHECK_EQ(grid.negative, expected.negative, kernels->name, describe(c));
        }
      }
    }
  }
}

TEST(kernel_sets_select_the_same) {
  check_selectors<std::int8_t>(Sample::int8);
  check_selectors<std::int16_t>(Sample::int16);
  check_selectors<std::int32_t>(Sample::int32);
  check_selectors<std::int64_t>(Sample::int64);
  check_selectors<std::uint8_t>(Sample::uint8);
  check_selectors<std::uint16_t>(Sample::uint16);
  check_selectors<std::uint32_t>(Sample::uint32);
  check_selectors<std::uint64_t>(Sample::uint64);
  check_selectors<float>(Sample::float32);
  check_selectors<double>(Sample::float64);
}

}  // namespace boxel::test
