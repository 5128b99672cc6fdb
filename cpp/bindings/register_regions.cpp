#include <string>

#include "arrays.hpp"
#include "boxel/regions/gather.hpp"
#include "boxel/regions/update.hpp"
#include "gil.hpp"
#include "registration.hpp"
#include "requests.hpp"

namespace boxel {
namespace py = pybind11;
namespace {

std::vector<Statistic> statistics_of(const py::tuple& codes) {
  std::vector<Statistic> result;
  for (const py::handle code : codes) {
    const auto number = code.cast<std::size_t>();
    if (number >= statistics.size()) throw py::value_error("no statistic has this code");
    result.push_back(static_cast<Statistic>(number));
  }
  return result;
}

// A Python integer that int64 or uint64 holds.
WideLabel label_of(const py::handle& number) {
  const py::int_ zero(0);
  if (py::reinterpret_borrow<py::object>(number) < zero) return number.cast<std::int64_t>();
  return number.cast<std::uint64_t>();
}

// Labels as int64 or uint64.
std::vector<WideLabel> labels_of(const py::array& array) {
  std::vector<WideLabel> labels;
  const bool is_unsigned = dtype_of(array.dtype()) == DType::uint64;
  const auto* bits = static_cast<const std::uint64_t*>(array.data());
  for (py::ssize_t k = 0; k < array.size(); ++k) {
    labels.push_back(is_unsigned ? WideLabel{bits[k]}
                                 : WideLabel{static_cast<std::int64_t>(bits[k])});
  }
  return labels;
}

py::array array_of(const std::vector<WideLabel>& labels) {
  const bool large = !labels.empty() && labels.back() >> 63 == 1;
  if (large && labels.front() < 0) {
    throw py::value_error(
        "the labels hold negative numbers and numbers of 2^63 or more, for which "
        "no integer type has room");
  }
  const auto fill = [&](auto* out) {
    for (const WideLabel label : labels)
      *out++ = static_cast<std::remove_reference_t<decltype(*out)>>(label);
  };
  if (large) {
    py::array_t<std::uint64_t> array(static_cast<py::ssize_t>(labels.size()));
    fill(array.mutable_data());
    return array;
  }
  py::array_t<std::int64_t> array(static_cast<py::ssize_t>(labels.size()));
  fill(array.mutable_data());
  return array;
}

// Labels of any kind as their lower 64 bits, and whether these are those of a negative number.
py::tuple bits_of(const std::vector<WideLabel>& labels) {
  py::array_t<std::uint64_t> bits(static_cast<py::ssize_t>(labels.size()));
  py::array_t<bool> negative(static_cast<py::ssize_t>(labels.size()));
  for (std::size_t k = 0; k < labels.size(); ++k) {
    bits.mutable_data()[k] = static_cast<std::uint64_t>(labels[k]);
    negative.mutable_data()[k] = labels[k] < 0;
  }
  return py::make_tuple(bits, negative);
}

using Bits = py::array_t<std::uint64_t, py::array::c_style>;
using Truths = py::array_t<bool, py::array::c_style>;
using Integers = py::array_t<std::int64_t, py::array::c_style>;

std::vector<WideLabel> labels_of_bits(const Bits& bits, const Truths& negative) {
  if (bits.ndim() != 1 || negative.ndim() != 1 || bits.size() != negative.size()) {
    throw py::value_error("expected as many signs as labels");
  }
  std::vector<WideLabel> labels;
  for (py::ssize_t k = 0; k < bits.size(); ++k) {
    labels.push_back(negative.data()[k] ? WideLabel{static_cast<std::int64_t>(bits.data()[k])}
                                        : WideLabel{bits.data()[k]});
  }
  return labels;
}

// Rows of lanes as unsigned integers of their size.
py::array array_of(const StateRows& state, std::size_t lanes) {
  const py::dtype dtype("u" + std::to_string(state.lane_size));
  py::array array(dtype, std::vector<py::ssize_t>{static_cast<py::ssize_t>(state.rows),
                                                  static_cast<py::ssize_t>(lanes)});
  std::copy(state.lanes.begin(), state.lanes.end(), static_cast<std::byte*>(array.mutable_data()));
  return array;
}

StateRows state_of(const py::handle& rows) {
  const auto array = py::array::ensure(rows, py::array::c_style);
  if (!array || array.ndim() != 2) throw py::value_error("expected rows of lanes");
  const auto* first = static_cast<const std::byte*>(array.data());
  return {array.itemsize(), array.shape(0), std::vector<std::byte>(first, first + array.nbytes())};
}

// Low, high, and the sum in two halves, of every region and axis.
constexpr py::ssize_t extent_numbers = 4;

py::array array_of(const std::vector<Extent>& extents) {
  py::array_t<std::int64_t> array({static_cast<py::ssize_t>(extents.size()), extent_numbers});
  std::int64_t* out = array.mutable_data();
  for (const Extent& extent : extents) {
    *out++ = extent.low;
    *out++ = extent.high;
    *out++ = static_cast<std::int64_t>(extent.sum >> 64);
    *out++ = static_cast<std::int64_t>(extent.sum);
  }
  return array;
}

std::vector<Extent> extents_of(const Integers& array) {
  if (array.ndim() != 2 || array.shape(1) != extent_numbers) {
    throw py::value_error("expected four numbers for each extent");
  }
  std::vector<Extent> extents;
  const std::int64_t* in = array.data();
  for (py::ssize_t k = 0; k < array.shape(0); ++k, in += extent_numbers) {
    const WideLabel high = WideLabel{in[2]} * (WideLabel{1} << 64);
    extents.push_back({in[0], in[1], high + static_cast<std::uint64_t>(in[3])});
  }
  return extents;
}

RegionUpdate update_of(const py::array& labels, const py::object& image, const py::object& where,
                       const py::object& masked, const py::object& weights,
                       const py::object& counted, const py::object& left_out, bool skipna,
                       const py::tuple& origin, int workers, bool is_mask = false) {
  RegionUpdate update;
  update.labels = view_of(labels);
  update.image = optional_view(image);
  update.where = optional_view(where);
  update.masked = optional_view(masked);
  update.weights = optional_view(weights);
  update.counted = optional_view(counted);
  update.left_out = optional_view(left_out);
  update.is_mask = is_mask;
  update.skipna = skipna;
  for (const py::handle offset : origin) update.origin.push_back(offset.cast<std::int64_t>());
  update.workers = workers;
  update.poll = signal_poll();
  return update;
}

class Table {
 public:
  Table(const py::tuple& codes, const py::dtype& dtype, bool weighted, std::int64_t channels,
        int geometry_axes, const py::object& background, std::int64_t dense_span)
      : table_(
            settings_of(codes, dtype, weighted, channels, geometry_axes, background, dense_span)) {}

  void update(const py::array& labels, const py::object& image, const py::object& where,
              const py::object& masked, const py::object& weights, const py::object& counted,
              const py::object& left_out, bool skipna, const py::tuple& origin, int workers,
              bool is_mask, const py::object& ends_piece) {
    RegionUpdate request = update_of(labels, image, where, masked, weights, counted, left_out,
                                     skipna, origin, workers, is_mask);
    if (!ends_piece.is_none()) request.ends_piece = ends_piece.cast<bool>();
    const ReleasedGil released;  // the kernels touch no Python object
    update_regions(table_, request);
  }

  void merge(const Table& other) {
    const ReleasedGil released;  // may be millions of regions
    table_.merge(other.table_);
  }

  // (bits of the labels, their signs, rows of each state, pixels, extents)
  py::tuple rows() const {
    const RegionRows found = [&] {
      const ReleasedGil released;  // may be millions of regions
      return table_.rows();
    }();
    const std::size_t lanes =
        found.labels.size() * static_cast<std::size_t>(table_.settings().channels);
    py::list states;
    for (const StateRows& state : found.states) states.append(array_of(state, lanes));
    const py::array_t<std::int64_t> pixels(static_cast<py::ssize_t>(found.pixels.size()),
                                           found.pixels.data());
    return bits_of(found.labels) +
           py::make_tuple(py::tuple(states), pixels, array_of(found.extents));
  }

  void restore(const Bits& bits, const Truths& negative, const py::tuple& states,
               const Integers& pixels, const Integers& extents) {
    RegionRows rows;
    rows.labels = labels_of_bits(bits, negative);
    for (const py::handle state : states) rows.states.push_back(state_of(state));
    rows.pixels.assign(pixels.data(), pixels.data() + pixels.size());
    rows.extents = extents_of(extents);
    const ReleasedGil released;  // may be millions of regions
    table_.restore(rows);
  }

  py::array labels() const { return array_of(table_.labels()); }

  void write(const py::array& labels, const py::tuple& codes, const py::tuple& outputs,
             const py::tuple& fills, double ddof) const {
    const std::vector<WideLabel> wanted = labels_of(labels);
    const std::vector<BlockOutput> targets = outputs_of(codes, outputs, fills);
    const ReleasedGil released;  // may be millions of regions
    table_.write(wanted, targets, ddof);
  }

  py::tuple geometry(const py::array& labels) const {
    const std::vector<WideLabel> wanted = labels_of(labels);
    const auto rows = static_cast<py::ssize_t>(wanted.size());
    const py::ssize_t axes = table_.settings().geometry_axes;
    py::array_t<std::int64_t> pixels(rows);
    py::array_t<std::int64_t> lows({rows, axes});
    py::array_t<std::int64_t> highs({rows, axes});
    py::array_t<double> centroids({rows, axes});
    table_.write_geometry(wanted, pixels.mutable_data(), lows.mutable_data(), highs.mutable_data(),
                          centroids.mutable_data());
    return py::make_tuple(pixels, lows, highs, centroids);
  }

 private:
  static RegionSettings settings_of(const py::tuple& codes, const py::dtype& dtype, bool weighted,
                                    std::int64_t channels, int geometry_axes,
                                    const py::object& background, std::int64_t dense_span) {
    RegionSettings settings;
    settings.statistics = statistics_of(codes);
    settings.dtype = dtype_of(dtype);
    settings.weighted = weighted;
    settings.channels = channels;
    settings.geometry_axes = geometry_axes;
    if (!background.is_none()) settings.background = label_of(background);
    settings.dense_span = dense_span;
    settings.kernels = &active_kernels();
    return settings;
  }

  RegionTable table_;
};

py::tuple pieces(std::int64_t pixels, std::int64_t channels, bool is_mask) {
  const RegionPieces cut = region_pieces(pixels, channels, is_mask);
  py::list ends;
  for (const std::int64_t end : cut.ends) ends.append(end);
  return py::make_tuple(cut.chunk, py::tuple(ends));
}

void select(const py::array& labels, const py::object& image, const py::object& where,
            const py::object& masked, const py::object& counted, const py::object& left_out,
            bool skipna, int workers, const py::array& wanted, const py::tuple& codes,
            const py::tuple& outputs, const py::tuple& fills) {
  const RegionUpdate request = update_of(labels, image, where, masked, py::none(), counted,
                                         left_out, skipna, py::tuple(), workers);
  const std::vector<WideLabel> rows = labels_of(wanted);
  const std::vector<BlockOutput> targets = outputs_of(codes, outputs, fills);
  const ReleasedGil released;  // the kernels touch no Python object
  select_regions(active_kernels(), request, rows, targets);
}

}  // namespace

void register_regions(py::module_& module) {
  // The docstring of a class would be that of every subclass: there is none.
  py::class_<Table>(module, "_RegionTable", "The states of regions; not public.")
      .def(py::init<const py::tuple&, const py::dtype&, bool, std::int64_t, int, const py::object&,
                    std::int64_t>(),
           py::arg("statistics"), py::arg("dtype"), py::arg("weighted"), py::arg("channels"),
           py::arg("geometry_axes"), py::arg("background"), py::arg("dense_span"))
      .def("update", &Table::update, py::arg("labels"), py::arg("image"), py::arg("where"),
           py::arg("masked"), py::arg("weights"), py::arg("counted"), py::arg("left_out"),
           py::arg("skipna"), py::arg("origin"), py::arg("workers"), py::arg("is_mask"),
           py::arg("ends_piece"))
      .def("merge", &Table::merge, py::arg("other"))
      .def("labels", &Table::labels)
      .def("rows", &Table::rows)
      .def("restore", &Table::restore, py::arg("bits"), py::arg("negative"), py::arg("states"),
           py::arg("pixels"), py::arg("extents"))
      .def("write", &Table::write, py::arg("labels"), py::arg("statistics"), py::arg("outputs"),
           py::arg("fills"), py::arg("ddof"))
      .def("geometry", &Table::geometry, py::arg("labels"));
  module.def("region_pieces", &pieces, py::arg("pixels"), py::arg("channels"), py::arg("is_mask"),
             "Return the pixels of a chunk, and where the pieces of an image end.");
  module.def("select_regions", &select, py::arg("labels"), py::arg("image"), py::arg("where"),
             py::arg("masked"), py::arg("counted"), py::arg("left_out"), py::arg("skipna"),
             py::arg("workers"), py::arg("wanted"), py::arg("statistics"), py::arg("outputs"),
             py::arg("fills"),
             "Compute statistics (by code) that need all samples of a region, into given outputs.");
}

}  // namespace boxel
