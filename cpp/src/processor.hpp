// What the processor runs, asked of itself: not every compiler's library knows the levels of
// x86-64.
#pragma once

namespace boxel {

// Whether the processor has all of the level, and the system keeps its registers.
bool runs_x86_64_v3();
bool runs_x86_64_v4();
// The population count of vectors, beyond the fourth level.
bool runs_avx512_vpopcntdq();

}  // namespace boxel
