#include "box_case.hpp"

#include <cmath>
#include <sstream>

#include "check.hpp"

namespace boxel::test {
namespace {

// One step further in the order in which an axis is read on, turned around where it ends.
struct Walk {
  std::int64_t place;
  std::int64_t direction;

  void step(std::int64_t length, Border border) {
    const std::int64_t next = place + direction;
    if (next >= 0 && next < length) {
      place = next;
      return;
    }
    switch (border) {
      case Border::reflect:
        direction = -direction;
        return;
      case Border::mirror:
        direction = -direction;
        if (length > 1) place += direction;
        return;
      case Border::nearest:
        return;
      case Border::wrap:
        place = next < 0 ? length - 1 : 0;
        return;
      case Border::constant:
      case Border::shrink:
      case Border::valid:
        place = beyond;
        direction = 0;
    }
  }
};

bool counts(const BoxCase& c, const Extents& index) {
  if (c.where && c.where->get(index).integer == 0) return false;
  if (c.masked && c.masked->get(index).integer != 0) return false;
  return !(c.skipna && std::isnan(c.image.get(index).real));
}

// Where the image has no sample but cval, index is `beyond` along some axis.
template <class Visit>
void visit_box(const BoxCase& c, const Extents& output, Visit visit) {
  const int axes = c.image.shape().size();
  Extents sizes;
  for (const boxel::Box& box : c.boxes) sizes.push_back(box.size);
  for (Index inside(sizes); inside.valid(); inside.next()) {
    Extents index = inside.at();
    bool outside = false;
    bool absent = false;
    for (int axis = 0; axis < axes; ++axis) {
      const boxel::Box& box = c.boxes[static_cast<std::size_t>(axis)];
      const std::int64_t length = c.image.shape()[axis];
      const std::int64_t position = index[axis] + output[axis] * box.stride + box.low;
      index[axis] = position >= 0 && position < length
                        ? position
                        : walked_source(position, length, box.border);
      outside |= index[axis] == beyond;
      absent |= index[axis] == beyond && box.border == Border::shrink;
    }
    if (!absent) visit(index, outside);
  }
}

void check_whole_mean(const BoxCase& c, const OutputCase& output, const Box& box,
                      const Extents& at) {
  if (box.count() < std::max<std::int64_t>(1, c.min_count)) return;
  Int128 sum = 0;
  for (const Number& sample : box.samples) sum += sample.integer;
  const auto expected = static_cast<std::int64_t>(sum / box.count());
  CHECK_EQ(static_cast<std::int64_t>(output.array.get(at).integer), expected, text(at),
           c.description());
}

bool is_whole_mean(const BoxCase& c, const OutputCase& output) {
  return c.whole_means && output.statistic == Statistic::mean && !is_floating(output.dtype);
}

}  // namespace

std::int64_t walked_source(std::int64_t position, std::int64_t length, Border border) {
  Walk walk{position < 0 ? 0 : length - 1, position < 0 ? -1 : 1};
  const std::int64_t steps = position < 0 ? -position : position - (length - 1);
  for (std::int64_t k = 0; k < steps && walk.place != beyond; ++k) walk.step(length, border);
  return walk.place;
}

Box samples_at(const BoxCase& c, const Extents& output) {
  Box samples;
  visit_box(c, output, [&](const Extents& index, bool outside) {
    if (outside) {
      if (!(c.skipna && std::isnan(c.cval.real))) samples.add(c.cval, 1);
    } else if (counts(c, index)) {
      samples.add(c.image.get(index), 1);
    }
  });
  return samples;
}

Extents BoxCase::output_shape() const {
  Extents shape;
  for (const boxel::Box& box : boxes) shape.push_back(box.outputs);
  return shape;
}

void BoxCase::add_output(Statistic statistic, const Layout& layout) {
  add_output(statistic, result_dtype(statistic, image.view().dtype, false), layout);
}

void BoxCase::add_output(Statistic statistic, DType dtype, const Layout& layout) {
  outputs.push_back({statistic, dtype, Array(dtype, output_shape(), layout)});
}

BoxRequest BoxCase::request() const {
  BoxRequest result;
  result.image = image.view();
  if (where) result.where = where->view();
  if (masked) result.masked = masked->view();
  result.boxes = boxes;
  result.cval = {cval.real, static_cast<std::int64_t>(cval.integer)};
  result.skipna = skipna;
  result.min_count = min_count;
  result.ddof = ddof;
  result.whole_means = whole_means;
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

std::string BoxCase::description() const {
  std::ostringstream stream;
  stream << kernels->name << " " << name_of(image.view().dtype) << text(image.shape())
         << " strides " << text(image.view().strides) << (image.view().swapped ? " swapped" : "")
         << " boxes";
  for (const boxel::Box& box : boxes) {
    stream << " " << borders[static_cast<std::size_t>(box.border)].name << " " << box.size << "@"
           << box.low << "/" << box.stride << "x" << box.outputs;
  }
  stream << (where ? " where" : "") << (masked ? " masked" : "") << (skipna ? " skipna" : "")
         << (whole_means ? " whole" : "") << " cval " << cval.real << " min_count " << min_count
         << " ddof " << ddof << " workers " << workers << " outputs";
  for (const OutputCase& output : outputs) stream << " " << info_of(output.statistic).name;
  return stream.str();
}

void check_case(const BoxCase& c) {
  filter_boxes(c.request());
  const Rules rules{c.image.view().dtype, false, false, c.ddof, c.min_count};
  for (Index at(c.output_shape()); at.valid(); at.next()) {
    const Box samples = samples_at(c, at.at());
    for (const OutputCase& output : c.outputs) {
      if (is_whole_mean(c, output)) {
        check_whole_mean(c, output, samples, at.at());
      } else {
        check_output(output, samples, rules, at.at(), [&] { return c.description(); });
      }
    }
  }
  for (const OutputCase& output : c.outputs) {
    CHECK(output.array.gaps_untouched(), info_of(output.statistic).name, c.description());
  }
  CHECK(c.image.gaps_untouched(), c.description());
}

boxel::Box box_of(std::int64_t length, std::int64_t size, std::int64_t stride, Border border,
                  std::int64_t origin) {
  if (border == Border::valid) {
    return {size, 0, stride, size > length ? 0 : (length - size) / stride + 1, border};
  }
  return {size, -(size / 2) - origin, stride, (length + stride - 1) / stride, border};
}

}  // namespace boxel::test
