// A failed check ends the run, so that the fuzzer keeps the bytes that led to it.
#include <cstdlib>
#include <iostream>

#include "check.hpp"

namespace boxel::check {

void fail(const char* file, int line, const std::string& message, const std::string& context) {
  std::cerr << file << ':' << line << ": " << message << " [" << context << "]" << std::endl;
  std::abort();
}

}  // namespace boxel::check
