// The matrix that SciPy calls Z, and what is read from it.
#pragma once

#include <cstdint>
#include <vector>

#include "boxel/clustering/linkage.hpp"
#include "boxel/parallel.hpp"

namespace boxel {

// Row r: the ids of the two clusters that become cluster n + r (the smaller id first), their
// distance, the observations in it. Observations are the clusters below n.
struct TreeRow {
  double first;
  double second;
  double distance;
  double size;
};
static_assert(sizeof(TreeRow) == 4 * sizeof(double));

void write_tree(const std::vector<Join>& joins, std::int64_t n, TreeRow* tree);

// The functions below take a tree whose ids were checked.

// Observations from left to right: below each cluster those of the first before those of the
// second.
void leaf_order(const TreeRow* tree, std::int64_t n, std::int64_t* order);

// For each pair of observations the distance at which they become part of one cluster, condensed.
void cophenetic_distances(const TreeRow* tree, std::int64_t n, double* distances, int workers,
                          const Poll& poll);

// Labels from 0, in order of the clusters' first observations, of the clusters that are left when
// the rows with cut[row] != 0 are undone, and so all rows above them.
void flat_clusters(const TreeRow* tree, std::int64_t n, const std::uint8_t* cut,
                   std::int64_t* labels);

}  // namespace boxel
