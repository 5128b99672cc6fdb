// The table of this instruction set.

namespace boxel::BOXEL_KERNELS {

template <class T>
constexpr LinkageKernels<T> linkage_table() {
  return {&nearest<T>,    &least<T>,    &repeats<T>, &merge_rows<T>, &replay<T>,
          &note_merge<T>, &approach<T>, &check<T>,   &light<T>};
}

inline constexpr ClusteringKernels clustering_table{BOXEL_KERNELS_NAME, linkage_table<float>(),
                                                    linkage_table<double>(), &tanimoto<float>,
                                                    &tanimoto<double>};

}  // namespace boxel::BOXEL_KERNELS
