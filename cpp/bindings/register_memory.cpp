// Arrays in kept memory: NumPy asks the handler that is set while it allocates (NEP 49), and the
// array frees by it whenever it dies. It owns its data, and tracemalloc sees it, as others.

#include <pybind11/numpy.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>

#include "boxel/kept_memory.hpp"
#include "registration.hpp"

namespace boxel {
namespace py = pybind11;
namespace {

// As NumPy lays it out since 1.22.
struct DataMemoryHandler {
  char name[127];
  std::uint8_t version;
  void* context;
  void* (*allocate)(void* context, std::size_t bytes);
  void* (*allocate_zeros)(void* context, std::size_t count, std::size_t size);
  void* (*reallocate)(void* context, void* data, std::size_t bytes);
  void (*free)(void* context, void* data, std::size_t bytes);
};

// Never destroyed: arrays may die after all else.
KeptMemory& kept_memory() {
  static auto* memory = new KeptMemory;
  return *memory;
}

void* allocate(void*, std::size_t bytes) {
  try {
    return kept_memory().allocate(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void* allocate_zeros(void* context, std::size_t count, std::size_t size) {
  if (size && count > SIZE_MAX / size) return nullptr;
  void* data = allocate(context, count * size);
  return data ? std::memset(data, 0, count * size) : nullptr;
}

void free_data(void*, void* data, std::size_t) { kept_memory().free(data); }

void* reallocate(void* context, void* data, std::size_t bytes) {
  if (!data) return allocate(context, bytes);
  const std::size_t held = KeptMemory::size_of(data);
  if (KeptMemory::fits(held, bytes)) return data;
  void* other = allocate(context, bytes);
  if (!other) return nullptr;
  std::memcpy(other, data, std::min(held, bytes));
  kept_memory().free(data);
  return other;
}

DataMemoryHandler handler = {"boxel",         1,           nullptr,   &allocate,
                             &allocate_zeros, &reallocate, &free_data};

// The two functions of NumPy's C interface, by their numbers in its table.
struct HandlerFunctions {
  PyObject* (*set)(PyObject* handler);
  PyObject* (*get)();

  HandlerFunctions() {
    const py::object table = py::module_::import("numpy._core.multiarray").attr("_ARRAY_API");
    void** functions = static_cast<void**>(PyCapsule_GetPointer(table.ptr(), nullptr));
    if (!functions) throw py::error_already_set();
    set = reinterpret_cast<PyObject* (*)(PyObject*)>(functions[304]);
    get = reinterpret_cast<PyObject* (*)()>(functions[305]);
  }
};

// Sets the handler of this thread's context, and the former one at its end.
class HandlerScope {
 public:
  HandlerScope(const HandlerFunctions& functions, const py::object& capsule)
      : functions_(functions),
        former_(py::reinterpret_steal<py::object>(functions.set(capsule.ptr()))) {
    if (!former_) throw py::error_already_set();
  }
  HandlerScope(const HandlerScope&) = delete;
  HandlerScope& operator=(const HandlerScope&) = delete;
  ~HandlerScope() {
    const py::error_scope pending;  // that numpy.empty failed is not to be lost
    Py_XDECREF(functions_.set(former_.ptr()));
  }

 private:
  const HandlerFunctions& functions_;
  py::object former_;
};

bool is_usual(const py::object& capsule) {
  const auto* current =
      static_cast<const DataMemoryHandler*>(PyCapsule_GetPointer(capsule.ptr(), "mem_handler"));
  if (!current) throw py::error_already_set();
  return std::string_view(current->name) == "default_allocator";
}

// Made once at import: to be made by the first of several threads, it would hold them up while it
// imports.
struct ArrayMaker {
  HandlerFunctions functions;
  py::object numpy_empty = py::module_::import("numpy").attr("empty");
  py::object capsule = py::capsule(&handler, "mem_handler");

  py::array make(const py::tuple& shape, const py::dtype& dtype) const {
    const py::tuple arguments = py::make_tuple(shape, dtype);
    double bytes = static_cast<double>(dtype.itemsize());
    for (const py::handle length : shape) bytes *= length.cast<double>();
    if (bytes < static_cast<double>(KeptMemory::least)) return empty(arguments);
    const auto current = py::reinterpret_steal<py::object>(functions.get());
    if (!current) throw py::error_already_set();
    // Who has chosen another memory knows why.
    if (!is_usual(current)) return empty(arguments);
    const HandlerScope scope(functions, capsule);
    return empty(arguments);
  }

 private:
  py::array empty(const py::tuple& arguments) const {
    PyObject* array = PyObject_CallObject(numpy_empty.ptr(), arguments.ptr());
    if (!array) throw py::error_already_set();
    return py::reinterpret_steal<py::array>(array);
  }
};

}  // namespace

void register_memory(py::module_& module) {
  static const auto* maker = new ArrayMaker;
  module.def(
      "empty",
      [](const py::tuple& shape, const py::dtype& dtype) { return maker->make(shape, dtype); },
      py::arg("shape"), py::arg("dtype"),
      "numpy.empty; a large array is in memory that is kept for the next one.");
  module.def(
      "least_kept", [] { return KeptMemory::least; }, "Bytes of the smallest array that is kept.");
  module.def(
      "set_kept_memory", [](std::size_t bytes) { kept_memory().set_limit(bytes); },
      py::arg("bytes"), "Keep at most so many bytes.");
  module.def("kept_memory_limit", [] { return kept_memory().limit(); }, "What may be kept.");
  module.def(
      "kept_memory", [] { return kept_memory().held(); }, "Bytes that are kept for results.");
}

}  // namespace boxel
