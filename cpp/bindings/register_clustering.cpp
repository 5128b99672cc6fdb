#include <pybind11/numpy.h>

#include <string>

#include "arrays.hpp"
#include "boxel/clustering/linkage.hpp"
#include "boxel/clustering/pairs.hpp"
#include "boxel/clustering/spanning_forest.hpp"
#include "boxel/clustering/tanimoto.hpp"
#include "boxel/clustering/tree.hpp"
#include "gil.hpp"
#include "registration.hpp"

namespace boxel {
namespace py = pybind11;
namespace {

using Tree = py::array_t<double, py::array::c_style>;
using Words = py::array_t<std::uint64_t, py::array::c_style>;

// Calls body with a pointer to the distances: contiguous float32 or float64, as Python saw to.
template <class Body>
auto with_distances(const py::array& array, Body&& body) {
  void* const data = const_cast<void*>(array.data());
  switch (dtype_of(array.dtype())) {
    case DType::float32:
      return body(static_cast<float*>(data));
    case DType::float64:
      return body(static_cast<double*>(data));
    default:
      throw py::type_error("distances must be float32 or float64");
  }
}

py::tuple methods() {
  py::list names;
  for (const LinkageMethod& method : linkage_methods) names.append(std::string(method.name));
  return py::tuple(names);
}

const LinkageMethod& method_of(int code) {
  if (code < 0 || code >= static_cast<int>(linkage_methods.size())) {
    throw py::value_error("no method has this code");
  }
  return linkage_methods[static_cast<std::size_t>(code)];
}

py::tuple report_on_condensed(const py::array& distances) {
  return with_distances(distances, [&]<class T>(const T* data) {
    CondensedReport report;
    {
      const ReleasedGil released;  // reads all distances
      report = inspect_condensed(data, distances.size(), active_kernels(), signal_poll());
    }
    return py::make_tuple(report.invalid, report.largest);
  });
}

py::tuple report_on_square(const py::array& distances) {
  return with_distances(distances, [&]<class T>(const T* data) {
    SquareReport report;
    {
      const ReleasedGil released;  // reads all distances
      report = inspect_square(data, distances.shape(0), signal_poll());
    }
    return py::make_tuple(py::make_tuple(report.invalid_row, report.invalid_column), report.largest,
                          report.worst_asymmetry,
                          py::make_tuple(report.worst_row, report.worst_column),
                          report.diagonal_least, report.diagonal_largest, report.diagonal_row);
  });
}

void condense_square(const py::array& square, const py::array& condensed, int workers) {
  with_distances(square, [&]<class T>(const T* data) {
    auto* out = static_cast<T*>(const_cast<void*>(condensed.data()));
    const std::int64_t n = square.shape(0);
    const ReleasedGil released;  // reads all distances
    condense(data, n, out, workers, signal_poll());
  });
}

void expand_condensed(const py::array& condensed, const py::array& square, int workers) {
  with_distances(condensed, [&]<class T>(const T* data) {
    auto* out = static_cast<T*>(const_cast<void*>(square.data()));
    const std::int64_t n = square.shape(0);
    const ReleasedGil released;  // writes all distances
    expand(PairRows<const T>{data, n, 0}, out, n, workers, signal_poll());
  });
}

void symmetrise_square(const py::array& square, int workers) {
  with_distances(square, [&]<class T>(T* data) {
    const std::int64_t n = square.shape(0);
    const ReleasedGil released;  // writes all distances
    symmetrise(data, n, workers, signal_poll());
  });
}

Tree tree_of(const std::vector<Join>& joins, std::int64_t n) {
  Tree tree(std::vector<py::ssize_t>{n > 0 ? n - 1 : 0, 4});
  write_tree(joins, n, reinterpret_cast<TreeRow*>(tree.mutable_data()));
  return tree;
}

Tree link(const py::array& distances, std::int64_t n, int code, bool overwrite, double largest,
          int workers) {
  const LinkageMethod& method = method_of(code);
  const std::int64_t stride = distances.ndim() == 2 ? n : 0;
  return with_distances(distances, [&]<class T>(T* data) {
    std::vector<Join> joins;
    if (n > 1) {
      const ReleasedGil released;  // the distances are all that is touched
      if (method.rule == Rule::smallest) {
        joins = single_linkage(PairRows<const T>{data, n, stride}, active_kernels(), workers,
                               signal_poll());
      } else {
        joins = agglomerate(LinkageRequest<T>{.pairs = {data, n, stride},
                                              .overwrite = overwrite,
                                              .largest = largest,
                                              .method = method,
                                              .kernels = &active_kernels(),
                                              .workers = workers,
                                              .poll = signal_poll()});
      }
    }
    return tree_of(joins, n);
  });
}

const TreeRow* rows_of(const Tree& tree) { return reinterpret_cast<const TreeRow*>(tree.data()); }

py::array_t<double> cophenetic(const Tree& tree, int workers) {
  const std::int64_t n = tree.shape(0) + 1;
  py::array_t<double> distances(pair_count(n));
  double* out = distances.mutable_data();
  const TreeRow* rows = rows_of(tree);
  const ReleasedGil released;  // writes a distance for each pair
  cophenetic_distances(rows, n, out, workers, signal_poll());
  return distances;
}

py::array_t<std::int64_t> leaves(const Tree& tree) {
  const std::int64_t n = tree.shape(0) + 1;
  py::array_t<std::int64_t> order(n);
  leaf_order(rows_of(tree), n, order.mutable_data());
  return order;
}

py::array_t<std::int64_t> flat(const Tree& tree, const py::array_t<bool, py::array::c_style>& cut) {
  const std::int64_t n = tree.shape(0) + 1;
  py::array_t<std::int64_t> labels(n);
  flat_clusters(rows_of(tree), n, reinterpret_cast<const std::uint8_t*>(cut.data()),
                labels.mutable_data());
  return labels;
}

TanimotoSettings settings_of(double empty_distance, int workers) {
  return {empty_distance, &active_kernels(), workers, signal_poll()};
}

// Against others, or against themselves in a condensed matrix.
void tanimoto(const Words& fingerprints, const py::object& others, const py::array& distances,
              double empty_distance, int workers) {
  const bool condensed = others.is_none();
  const auto columns = condensed ? fingerprints : py::reinterpret_borrow<Words>(others);
  with_distances(distances, [&]<class T>(T* out) {
    const TanimotoSettings settings = settings_of(empty_distance, workers);
    const std::int64_t count = fingerprints.shape(0);
    const std::int64_t words = fingerprints.shape(1);
    const std::int64_t column_count = columns.shape(0);
    const std::uint64_t* row_words = fingerprints.data();
    const std::uint64_t* column_words = columns.data();
    const ReleasedGil released;  // counts the bits of all pairs
    const Fingerprints rows(row_words, count, words);
    if (condensed) {
      tanimoto_condensed(rows, settings, out);
    } else {
      tanimoto_between(rows, Fingerprints(column_words, column_count, words), settings, out);
    }
  });
}

Tree tanimoto_single(const Words& fingerprints, double empty_distance, int workers) {
  const std::int64_t n = fingerprints.shape(0);
  const std::int64_t words_each = fingerprints.shape(1);
  const std::uint64_t* words = fingerprints.data();
  std::vector<Join> joins;
  if (n > 1) {
    const TanimotoSettings settings = settings_of(empty_distance, workers);
    const ReleasedGil released;  // counts the bits of all pairs
    joins = tanimoto_single_linkage(Fingerprints(words, n, words_each), settings);
  }
  return tree_of(joins, n);
}

}  // namespace

void register_clustering(py::module_& module) {
  module.def("linkage_methods", &methods, "The names of the linkage methods, by their codes.");
  module.def("inspect_condensed", &report_on_condensed, py::arg("distances"),
             "The first place that is not finite or is negative (or -1), and the largest value.");
  module.def("inspect_square", &report_on_square, py::arg("distances"),
             "The first place that is not finite or is negative (or -1, -1), the largest value off "
             "the diagonal, the largest asymmetry and its place, the least and largest value on "
             "the diagonal, the place that is farthest from 0.");
  module.def("condense", &condense_square, py::arg("square"), py::arg("condensed"),
             py::arg("workers"), "Write the means of both halves into a condensed matrix.");
  module.def("expand", &expand_condensed, py::arg("condensed"), py::arg("square"),
             py::arg("workers"), "Write a condensed matrix into both halves of a square one.");
  module.def("symmetrise", &symmetrise_square, py::arg("square"), py::arg("workers"),
             "Replace both halves by their means.");
  module.def("linkage", &link, py::arg("distances"), py::arg("n"), py::arg("method"),
             py::arg("overwrite"), py::arg("largest"), py::arg("workers"),
             "Cluster by distances that were inspected, by the code of a method.");
  module.def("cophenetic_distances", &cophenetic, py::arg("tree"), py::arg("workers"),
             "Condensed distances at which observations join.");
  module.def("leaf_order", &leaves, py::arg("tree"), "Observations from left to right.");
  module.def("flat_clusters", &flat, py::arg("tree"), py::arg("cut"),
             "Labels of the clusters that are left when some rows of the tree are undone.");
  module.def("tanimoto_distances", &tanimoto, py::arg("fingerprints"), py::arg("others"),
             py::arg("distances"), py::arg("empty_distance"), py::arg("workers"),
             "Write the distances to others, or condensed among themselves.");
  module.def("tanimoto_single_linkage", &tanimoto_single, py::arg("fingerprints"),
             py::arg("empty_distance"), py::arg("workers"),
             "Single linkage of fingerprints, distances computed on the way.");
}

}  // namespace boxel
