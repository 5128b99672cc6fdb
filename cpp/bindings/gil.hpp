// Giving up the GIL while kernels run. A daemon thread that asks for it again while the interpreter
// ends is not given it: CPython unwinds such a thread (3.14 and later let it wait), which would end
// the process in a destructor. It waits here instead until the process is gone.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <optional>
#include <thread>

namespace boxel {

[[noreturn]] inline void wait_for_exit() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

class ReleasedGil {
 public:
  ReleasedGil() : state_(PyEval_SaveThread()) {}
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;
  ~ReleasedGil() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      wait_for_exit();
    }
  }

 private:
  PyThreadState* state_;
};

// Takes it for a moment where it has been given up.
class AcquiredGil {
 public:
  AcquiredGil() {
    try {
      acquired_.emplace();
    } catch (const std::exception&) {
      throw;
    } catch (...) {
      wait_for_exit();
    }
  }

 private:
  std::optional<pybind11::gil_scoped_acquire> acquired_;
};

}  // namespace boxel
