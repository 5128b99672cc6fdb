#include "check.hpp"

#include <algorithm>
#include <iostream>
#include <span>
#include <string_view>
#include <vector>

namespace boxel::check {
namespace {

struct Test {
  std::string_view name;
  TestFunction function;
};

constexpr int most_failures = 20;

struct Abandoned {};

std::vector<Test>& tests() {
  static std::vector<Test> registered;
  return registered;
}

int failures = 0;

// An uncaught exception is a failed test like any other.
bool passes(const Test& test) {
  failures = 0;
  try {
    test.function();
  } catch (const Abandoned&) {
    std::cerr << "abandoned after " << most_failures << " failed checks\n";
  } catch (const std::exception& exception) {
    ++failures;
    std::cerr << "found the exception '" << exception.what() << "', expected none\n";
  }
  std::cout << (failures ? "FAILED " : "passed ") << test.name << std::endl;
  return failures == 0;
}

bool wanted(const Test& test, std::span<char*> names) {
  return names.empty() || std::ranges::any_of(names, [&](const char* name) {
           return test.name.find(name) != std::string_view::npos;
         });
}

}  // namespace

Registration::Registration(const char* name, TestFunction function) {
  tests().push_back({name, function});
}

void fail(const char* file, int line, const std::string& message, const std::string& context) {
  std::cerr << file << ':' << line << ": " << message;
  if (!context.empty()) std::cerr << " [" << context << ']';
  std::cerr << '\n';
  if (++failures >= most_failures) throw Abandoned{};
}

}  // namespace boxel::check

// Runs the tests whose names contain one of the arguments; all of them without arguments.
int main(int argument_count, char** arguments) {
  using namespace boxel::check;
  const std::span<char*> names =
      std::span(arguments, static_cast<std::size_t>(argument_count)).subspan(1);
  int passed = 0;
  int failed = 0;
  for (const Test& test : tests()) {
    if (!wanted(test, names)) continue;
    if (passes(test)) {
      ++passed;
    } else {
      ++failed;
    }
  }
  std::cout << passed << " passed, " << failed << " failed" << std::endl;
  return failed == 0 && passed > 0 ? 0 : 1;
}
