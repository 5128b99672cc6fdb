// parallel_for: fixed pieces of work, taken in turn by a few threads.
#pragma once

#include <cstdint>
#include <functional>

namespace boxel {

// Called on the calling thread after each piece it has done, and now and then while it waits for
// the others; may throw to stop the work (Ctrl-C).
// It knows itself how often it is worth looking.
using Poll = std::function<void()>;

// Calls body(piece, worker) once for every piece in [0, pieces); worker < workers names the
// thread, so that a worker can own scratch memory. The caller is worker 0. The first exception of
// any worker stops the rest and is rethrown here. Threads live only as long as the call: there is
// no pool that a fork could leave half alive. Beside their callers, all calls together have one
// thread less than the processors that the process may use, or than the workers of a call that asks
// for more: a call may get fewer than it asks for, or none.
void parallel_for(std::int64_t pieces, int workers,
                  const std::function<void(std::int64_t, int)>& body, const Poll& poll);

// What this process may use: CPU affinity and the cgroup's quota.
int usable_workers();

}  // namespace boxel
