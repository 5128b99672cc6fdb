// One function per family registers its part of the module.
#pragma once

#include <pybind11/pybind11.h>

#include "boxel/kernel_set.hpp"

namespace boxel {

// The kernels in use, chosen once at import.
const KernelSet& active_kernels();

void register_blocks(pybind11::module_& module);
void register_boxes(pybind11::module_& module);
void register_clustering(pybind11::module_& module);
void register_config(pybind11::module_& module);
void register_memory(pybind11::module_& module);
void register_regions(pybind11::module_& module);
void register_registry(pybind11::module_& module);
void register_span(pybind11::module_& module);

}  // namespace boxel
