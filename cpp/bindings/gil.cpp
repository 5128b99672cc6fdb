#include "gil.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace boxel {
namespace py = pybind11;
namespace {

using namespace std::chrono_literals;

std::atomic<bool> ending = false;
std::thread::id ender;
// Threads that are about to be given the GIL.
std::atomic<int> waiting = 0;

// Counts itself before it looks whether the end has begun, so that the end either sees it waiting
// or is seen.
class Wait {
 public:
  Wait() {
    ++waiting;
    if (!ending || std::this_thread::get_id() == ender) return;
    --waiting;
    for (;;) std::this_thread::sleep_for(1h);
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() { --waiting; }
};

// Called while daemon threads may still be given the GIL: those that wait for it get it, others are
// held back.
void begin_end() {
  ender = std::this_thread::get_id();
  ending = true;
  const ReleasedGil released;
  const auto latest = std::chrono::steady_clock::now() + 1s;
  while (waiting > 0 && std::chrono::steady_clock::now() < latest) {
    std::this_thread::sleep_for(100us);
  }
}

}  // namespace

ReleasedGil::~ReleasedGil() {
  const Wait wait;
  PyEval_RestoreThread(state_);
}

AcquiredGil::AcquiredGil() {
  const Wait wait;
  state_ = PyGILState_Ensure();
}

void register_end() {
  py::module_::import("atexit").attr("register")(py::cpp_function(&begin_end));
  const py::module_ os = py::module_::import("os");
  if (!py::hasattr(os, "register_at_fork")) return;
  // The threads that waited are not there any more.
  os.attr("register_at_fork")(py::arg("after_in_child") = py::cpp_function([] { waiting = 0; }));
}

}  // namespace boxel
