#include <string>

#include "arrays.hpp"
#include "boxel/regions/gather.hpp"
#include "boxel/regions/update.hpp"
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
              bool is_mask) {
    const RegionUpdate request = update_of(labels, image, where, masked, weights, counted, left_out,
                                           skipna, origin, workers, is_mask);
    const py::gil_scoped_release release;  // the kernels touch no Python object
    update_regions(table_, request);
  }

  void merge(const Table& other) {
    const py::gil_scoped_release release;  // may be millions of regions
    table_.merge(other.table_);
  }

  py::array labels() const { return array_of(table_.labels()); }

  void write(const py::array& labels, const py::tuple& codes, const py::tuple& outputs,
             const py::tuple& fills, double ddof) const {
    const std::vector<WideLabel> wanted = labels_of(labels);
    const std::vector<BlockOutput> targets = outputs_of(codes, outputs, fills);
    const py::gil_scoped_release release;  // may be millions of regions
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

void select(const py::array& labels, const py::object& image, const py::object& where,
            const py::object& masked, const py::object& counted, const py::object& left_out,
            bool skipna, int workers, const py::array& wanted, const py::tuple& codes,
            const py::tuple& outputs, const py::tuple& fills) {
  const RegionUpdate request = update_of(labels, image, where, masked, py::none(), counted,
                                         left_out, skipna, py::tuple(), workers);
  const std::vector<WideLabel> rows = labels_of(wanted);
  const std::vector<BlockOutput> targets = outputs_of(codes, outputs, fills);
  const py::gil_scoped_release release;  // the kernels touch no Python object
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
           py::arg("skipna"), py::arg("origin"), py::arg("workers"), py::arg("is_mask"))
      .def("merge", &Table::merge, py::arg("other"))
      .def("labels", &Table::labels)
      .def("write", &Table::write, py::arg("labels"), py::arg("statistics"), py::arg("outputs"),
           py::arg("fills"), py::arg("ddof"))
      .def("geometry", &Table::geometry, py::arg("labels"));
  module.def("select_regions", &select, py::arg("labels"), py::arg("image"), py::arg("where"),
             py::arg("masked"), py::arg("counted"), py::arg("left_out"), py::arg("skipna"),
             py::arg("workers"), py::arg("wanted"), py::arg("statistics"), py::arg("outputs"),
             py::arg("fills"),
             "Compute statistics (by code) that need all samples of a region, into given outputs.");
}

}  // namespace boxel
