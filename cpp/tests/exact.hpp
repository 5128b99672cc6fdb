// Exact integer arithmetic for the expected values.
#pragma once

namespace boxel::test {

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

// The double nearest to the quotient, ties to even, by long division bit by bit; the denominator is
// positive and below 2^126.
double nearest_quotient(Int128 numerator, Int128 denominator);

// The nearest integer, ties to even, by comparison with the floor.
double half_even(double x);

}  // namespace boxel::test
