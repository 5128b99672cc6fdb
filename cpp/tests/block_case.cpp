#include "block_case.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <type_traits>

#include "check.hpp"

namespace boxel::test {
namespace {

Number random_integer(Random& random, DType dtype, Values values) {
  return visit(dtype, [&]<class T>(std::type_identity<T>) -> Number {
    if constexpr (std::is_same_v<T, Bool>) {
      const std::int64_t byte = random.pick<std::int64_t>({0, 0, 1, 1, 2, 255});
      return number_of(byte);
    } else if constexpr (std::is_integral_v<T>) {
      if (values == Values::small) return number_of(random.between(0, 3));
      if (values == Values::offset) {
        const T base = static_cast<T>(std::numeric_limits<T>::max() - 40);
        const T sample = static_cast<T>(base + static_cast<T>(random.between(0, 30)));
        return {sample, static_cast<double>(sample)};
      }
      const auto sample = static_cast<T>(random.bits());
      return {sample, static_cast<double>(sample)};
    } else {
      return {};
    }
  });
}

double random_real(Random& random, DType dtype, Values values) {
  if (values == Values::small) return static_cast<double>(random.between(-2, 2)) / 2;
  if (values == Values::special && random.one_in(12)) {
    return random.pick<double>({NAN, INFINITY, -INFINITY});
  }
  if (values == Values::offset && dtype == DType::float64) return 1e9 + random.uniform(0, 1);
  return random.uniform(-100, 300);
}

bool counts(const BlockCase& c, const Extents& index) {
  if (c.where && c.where->get(index).integer == 0) return false;
  if (c.masked && c.masked->get(index).integer != 0) return false;
  if (c.weights && !(c.weights->get(index).real > 0)) return false;
  return !(c.skipna && std::isnan(c.image.get(index).real));
}

// The samples of the box at `block`, those beyond the image last.
Box box_at(const BlockCase& c, const Extents& block) {
  const int axes = c.image.shape().size();
  Extents extent;
  std::int64_t volume = 1;
  for (int axis = 0; axis < axes; ++axis) {
    const Window& window = c.windows[static_cast<std::size_t>(axis)];
    const std::int64_t start = block[axis] * window.step;
    extent.push_back(std::min(window.size, c.image.shape()[axis] - start));
    volume *= window.size;
  }
  Box box;
  for (Index inside(extent); inside.valid(); inside.next()) {
    Extents index = inside.at();
    for (int axis = 0; axis < axes; ++axis) {
      index[axis] += block[axis] * c.windows[static_cast<std::size_t>(axis)].step;
    }
    if (!counts(c, index)) continue;
    box.add(c.image.get(index), c.weights ? c.weights->get(index).real : 1.0);
  }
  if (!c.padded || (c.skipna && std::isnan(c.cval.real))) return box;
  for (std::int64_t missing = volume - product(extent); missing > 0; --missing) box.add(c.cval, 1);
  return box;
}

// A mean lies within the samples, whatever the rounding.
bool within(const Box& box, double mean) {
  double least = INFINITY;
  double greatest = -INFINITY;
  for (const Number& sample : box.samples) {
    if (!std::isfinite(sample.real)) return true;
    least = std::min(least, sample.real);
    greatest = std::max(greatest, sample.real);
  }
  return box.samples.empty() || (least <= mean && mean <= greatest);
}

}  // namespace

void check_output(const OutputCase& output, const Box& box, Rules rules, const Extents& at,
                  const std::function<std::string()>& description) {
  rules.integral_midpoint = !is_floating(output.dtype);
  const Expected expected = expected_of(output.statistic, box, rules);
  const Number found = output.array.get(at);
  const auto where = [&] {
    return check::text(info_of(output.statistic).name, name_of(output.dtype), "at", text(at),
                       "found", found.real, "expected", expected.missing ? fill : expected.real,
                       static_cast<std::int64_t>(expected.integer), description());
  };
  const bool no_place = !is_floating(output.dtype) && std::isnan(expected.real);
  if (expected.missing || no_place) {
    CHECK_EQ(found.real, static_cast<double>(fill), where());
    return;
  }
  CHECK(agrees(found, output.dtype, expected), where());
  if (output.statistic == Statistic::mean && output.dtype == DType::float64) {
    CHECK(within(box, found.real), where());
  }
  if (output.statistic == Statistic::var || output.statistic == Statistic::std) {
    CHECK(!(found.real < 0), where());
  }
}

std::string bits_of(const std::vector<OutputCase>& outputs) {
  std::string bits;
  for (const OutputCase& output : outputs) {
    for (Index at(output.array.shape()); at.valid(); at.next()) {
      Number number = output.array.get(at.at());
      if (std::isnan(number.real)) number.real = std::numeric_limits<double>::quiet_NaN();
      bits.append(reinterpret_cast<const char*>(&number.integer), sizeof(number.integer));
      bits.append(reinterpret_cast<const char*>(&number.real), sizeof(number.real));
    }
  }
  return bits;
}

Extents BlockCase::output_shape() const {
  Extents shape;
  for (const Window& window : windows) shape.push_back(window.outputs);
  return shape;
}

void BlockCase::add_output(Statistic statistic, const Layout& layout) {
  add_output(statistic, result_dtype(statistic, image.view().dtype, weights.has_value()), layout);
}

void BlockCase::add_output(Statistic statistic, DType dtype, const Layout& layout) {
  outputs.push_back({statistic, dtype, Array(dtype, output_shape(), layout)});
}

BlockRequest BlockCase::request() const {
  BlockRequest result;
  result.image = image.view();
  if (where) result.where = where->view();
  if (masked) result.masked = masked->view();
  if (weights) result.weights = weights->view();
  result.windows = windows;
  result.padded = padded;
  result.cval = {cval.real, static_cast<std::int64_t>(cval.integer)};
  result.skipna = skipna;
  result.min_count = min_count;
  result.ddof = ddof;
  for (const OutputCase& output : outputs) {
    BlockOutput& target = result.outputs.emplace_back();
    target.statistic = output.statistic;
    target.view = output.array.view();
    target.has_fill = true;
    write_number(target.fill.data(), output.dtype, false, number_of(fill));
  }
  result.workers = workers;
  result.kernels = kernels;
  return result;
}

std::string BlockCase::description() const {
  std::ostringstream stream;
  stream << kernels->name << " " << name_of(image.view().dtype) << text(image.shape())
         << " strides " << text(image.view().strides) << (image.view().swapped ? " swapped" : "")
         << " windows";
  for (const Window& window : windows) {
    stream << " " << window.size << "/" << window.step << "x" << window.outputs;
  }
  stream << (where ? " where" : "") << (masked ? " masked" : "") << (weights ? " weights" : "")
         << (skipna ? " skipna" : "") << (padded ? " padded" : "") << " cval " << cval.real
         << " min_count " << min_count << " ddof " << ddof << " outputs";
  for (const OutputCase& output : outputs) stream << " " << info_of(output.statistic).name;
  return stream.str();
}

std::string BlockCase::result() const { return bits_of(outputs); }

void check_case(const BlockCase& c) {
  reduce_blocks(c.request());
  for (Index block(c.output_shape()); block.valid(); block.next()) {
    const Box box = box_at(c, block.at());
    const Rules rules{c.image.view().dtype, c.weights.has_value(), false, c.ddof, c.min_count};
    for (const OutputCase& output : c.outputs) {
      check_output(output, box, rules, block.at(), [&] { return c.description(); });
    }
  }
  for (const OutputCase& output : c.outputs) {
    CHECK(output.array.gaps_untouched(), info_of(output.statistic).name, c.description());
  }
  CHECK(c.image.gaps_untouched(), c.description());
}

Window tiles(std::int64_t length, std::int64_t size) {
  return {size, size, (length + size - 1) / size};
}

Window trimmed(std::int64_t length, std::int64_t size) { return {size, size, length / size}; }

Window covering(std::int64_t length, std::int64_t size, std::int64_t step) {
  if (length <= size) return {size, step, length > 0 ? 1 : 0};
  const std::int64_t beyond = (length - size + step - 1) / step + 1;
  return {size, step, std::min(beyond, (length + step - 1) / step)};
}

void fill_randomly(Array& array, Random& random, Values values) {
  const DType dtype = array.view().dtype;
  for (Index index(array.shape()); index.valid(); index.next()) {
    const Number number = is_floating(dtype) ? Number{0, random_real(random, dtype, values)}
                                             : random_integer(random, dtype, values);
    array.set(index.at(), number);
  }
}

Array random_truth(Random& random, const Extents& shape, std::int64_t one_in) {
  Array array(DType::boolean, shape, random_layout(random, shape.size(), true));
  for (Index index(shape); index.valid(); index.next()) {
    array.set(index.at(), number_of(random.one_in(one_in) ? random.pick({1, 2, 255}) : 0));
  }
  return array;
}

Array random_weights(Random& random, const Extents& shape) {
  const DType dtype = random.pick({DType::float64, DType::float32, DType::uint8, DType::float16});
  Array array(dtype, shape, random_layout(random, shape.size(), true));
  for (Index index(shape); index.valid(); index.next()) {
    array.set(index.at(), number_of(random.pick({0, 1, 1, 2, 3})));
  }
  return array;
}

}  // namespace boxel::test
