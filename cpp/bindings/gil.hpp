// Giving up the GIL while kernels run.
//
// A daemon thread that asks for it again while the interpreter ends is not given it: CPython
// unwinds such a thread (3.14 and later let it wait), which no C++ frame survives. From the
// beginning of the end on, threads therefore wait here until the process is gone.
#pragma once

#include <pybind11/pybind11.h>

namespace boxel {

class ReleasedGil {
 public:
  ReleasedGil() : state_(PyEval_SaveThread()) {}
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;
  ~ReleasedGil();

 private:
  PyThreadState* state_;
};

// Takes it for a moment where it has been given up.
class AcquiredGil {
 public:
  AcquiredGil();
  AcquiredGil(const AcquiredGil&) = delete;
  AcquiredGil& operator=(const AcquiredGil&) = delete;
  ~AcquiredGil() { PyGILState_Release(state_); }

 private:
  PyGILState_STATE state_;
};

// At import: the interpreter tells when it begins to end.
void register_end();

}  // namespace boxel
