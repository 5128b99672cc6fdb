#include "random_cases.hpp"

#include <algorithm>
#include <cmath>

namespace boxel::test {

const std::vector<Statistic> monoids{Statistic::sum, Statistic::mean,         Statistic::min,
                                     Statistic::max, Statistic::count,        Statistic::density,
                                     Statistic::any, Statistic::all,          Statistic::var,
                                     Statistic::std, Statistic::count_nonzero};
const std::vector<Statistic> common{Statistic::sum, Statistic::mean, Statistic::min,
                                    Statistic::max, Statistic::var,  Statistic::count_nonzero};
const std::vector<DType> usual{DType::uint8, DType::int64, DType::float32, DType::float64};

namespace {

Window random_window(Random& random, std::int64_t length, bool tiled, bool padded) {
  const std::int64_t size = std::max<std::int64_t>(
      1, random.pick<std::int64_t>({1, 1, 2, 3, 4, 5, 7, 8, 16, 33, length, length + 2}));
  if (tiled || random.one_in(2)) {
    if (!padded && size <= length && random.one_in(3)) return trimmed(length, size);
    return tiles(length, size);
  }
  return covering(length, size, random.between(1, size + 2));
}

// What arrays hold comes from a generator of their own: a fuzzer's bytes are for what they are.
Random contents_of(Random& random) {
  return Random(static_cast<std::uint64_t>(random.between(0, 0xffff)));
}

void choose_masks(BlockCase& c, Random& random) {
  const Extents& shape = c.image.shape();
  Random contents = contents_of(random);
  if (random.one_in(4)) c.where = random_truth(contents, shape, random.pick({1, 2, 5}));
  if (random.one_in(5)) c.masked = random_truth(contents, shape, random.pick({2, 5, 100}));
  if (random.one_in(4)) c.weights = random_weights(contents, shape);
  c.skipna = random.one_in(4);
}

Number random_cval(Random& random, DType dtype) {
  if (!is_floating(dtype)) return number_of(random.pick({0, 1}));
  return {0, random.pick<double>({0, 1, -2.5, NAN})};
}

Border random_border(Random& random) {
  return borders[static_cast<std::size_t>(random.between(0, borders.size() - 1))].border;
}

// One border, or one for each axis; 'constant' and 'shrink' contradict each other.
std::vector<Border> random_borders(Random& random, int axes) {
  std::vector<Border> result(static_cast<std::size_t>(axes), random_border(random));
  if (random.one_in(3)) {
    const Border left_out = random.pick({Border::constant, Border::shrink});
    for (Border& border : result) {
      do border = random_border(random);
      while (border == left_out);
    }
  }
  return result;
}

// Sizes up to beyond twice the axis, so that what lies beyond repeats; small ones are likelier.
boxel::Box random_box(Random& random, std::int64_t length, Border border, std::int64_t most) {
  std::int64_t size = std::min(
      most, random.one_in(3) ? random.between(1, 2 * length + 3)
                             : random.pick<std::int64_t>({1, 1, 2, 3, 4, 5, 6, 7, 9, 16, 17}));
  if (border == Border::valid) size = std::min(size, length);
  const std::int64_t stride = random.one_in(2) ? 1 : random.between(1, size + 2);
  const std::int64_t origin = random.one_in(2) ? 0 : random.between(-(size / 2), (size - 1) / 2);
  return box_of(length, size, stride, border, origin);
}

}  // namespace

DType random_dtype(Random& random) {
  return static_cast<DType>(random.between(0, static_cast<int>(DType::float64)));
}

Extents random_shape(Random& random, std::int64_t most_samples) {
  Extents shape;
  std::int64_t samples = 1;
  const std::int64_t axes = random.between(0, 5);
  for (std::int64_t axis = 0; axis < axes; ++axis) {
    const std::int64_t length =
        random.pick<std::int64_t>({1, 1, 2, 3, 4, 5, 6, 8, 9, 17, 31, 70, 130});
    if (samples * length > most_samples) continue;
    shape.push_back(length);
    samples *= length;
  }
  return shape;
}

BlockCase random_block_case(Random& random, const Extents& shape) {
  const DType dtype = random_dtype(random);
  BlockCase c(Array(dtype, shape, random_layout(random, shape.size(), true)));
  Random contents = contents_of(random);
  fill_randomly(c.image, contents,
                random.pick({Values::small, Values::full, Values::special, Values::offset}));
  choose_masks(c, random);
  c.padded = random.one_in(5);
  c.cval = random_cval(random, dtype);
  c.min_count = random.pick({1, 1, 0, 2, 5});
  c.ddof = random.pick<double>({0, 1, 1, 2, 0.5});
  c.kernels = random.pick(available_kernel_sets());
  c.workers = static_cast<int>(random.between(1, 3));
  const bool tiled = random.one_in(2);
  for (const std::int64_t length : shape) {
    c.windows.push_back(random_window(random, length, tiled, c.padded));
  }
  const auto add = [&](Statistic statistic) {
    const Layout layout = random_layout(random, shape.size(), false);
    if (statistic == Statistic::mean && random.one_in(2)) {
      c.add_output(statistic, random.pick({dtype, DType::float32, DType::int16}), layout);
    } else {
      c.add_output(statistic, layout);
    }
  };
  for (const Statistic statistic : monoids) {
    if (random.one_in(2)) add(statistic);
  }
  if (tiled && !c.weights && random.one_in(2)) add(Statistic::median);
  if (tiled && !c.weights && random.one_in(2)) add(Statistic::mode);
  if (c.outputs.empty()) add(Statistic::mean);
  return c;
}

std::vector<boxel::Box> random_boxes(Random& random, const Extents& shape,
                                     std::int64_t most_samples) {
  const std::vector<Border> chosen = random_borders(random, shape.size());
  std::vector<boxel::Box> boxes;
  std::int64_t room = std::max<std::int64_t>(1, most_samples / product(shape));
  for (int axis = 0; axis < shape.size(); ++axis) {
    boxes.push_back(random_box(random, shape[axis], chosen[static_cast<std::size_t>(axis)], room));
    room = std::max<std::int64_t>(1, room / boxes.back().size);
  }
  return boxes;
}

BoxCase random_box_case(Random& random, const Extents& shape, DType dtype) {
  BoxCase c(Array(dtype, shape, random_layout(random, shape.size(), true)));
  Random contents = contents_of(random);
  fill_randomly(
      c.image, contents,
      random.pick({Values::small, Values::small, Values::full, Values::special, Values::offset}));
  if (random.one_in(5)) c.where = random_truth(contents, shape, random.pick({1, 2, 5}));
  if (random.one_in(6)) c.masked = random_truth(contents, shape, random.pick({2, 5, 100}));
  c.skipna = random.one_in(4);
  c.cval = random_cval(random, dtype);
  c.min_count = random.pick({1, 1, 1, 0, 2, 5});
  c.ddof = random.pick<double>({0, 0, 1, 2, 0.5});
  c.whole_means = !is_floating(dtype) && random.one_in(3);
  c.kernels = random.pick(available_kernel_sets());
  c.workers = random.pick({1, 3});
  return c;
}

void add_outputs(BoxCase& c, Random& random, const std::vector<Statistic>& wanted) {
  const int axes = c.image.shape().size();
  for (const Statistic statistic : wanted) {
    const Layout layout = random_layout(random, axes, false);
    if (statistic == Statistic::mean && (c.whole_means || random.one_in(3))) {
      c.add_output(statistic, c.image.view().dtype, layout);
    } else {
      c.add_output(statistic, layout);
    }
  }
}

std::vector<Statistic> random_statistics(Random& random, const std::vector<Statistic>& choices) {
  if (random.one_in(3)) return {random.pick(choices)};
  std::vector<Statistic> result;
  for (const Statistic statistic : choices) {
    if (random.one_in(2)) result.push_back(statistic);
  }
  if (result.empty()) result.push_back(choices.front());
  return result;
}

}  // namespace boxel::test
