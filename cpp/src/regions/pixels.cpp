#include "pixels.hpp"

#include <algorithm>
#include <cstdlib>

namespace boxel {
namespace {

// Rows shorter than this are taken together.
constexpr std::int64_t short_row = 256;

constexpr std::int64_t PixelAxis::* strides[] = {
    &PixelAxis::labels,  &PixelAxis::image,   &PixelAxis::where,   &PixelAxis::masked,
    &PixelAxis::weights, &PixelAxis::counted, &PixelAxis::left_out};

bool adjoin(const PixelAxis& outer, const PixelAxis& inner) {
  return std::ranges::all_of(strides, [&](std::int64_t PixelAxis::* stride) {
    return outer.*stride == inner.*stride * inner.length;
  });
}

std::vector<PixelAxis> axes_of(const RegionUpdate& update) {
  std::vector<PixelAxis> axes;
  const auto stride = [](const std::optional<View>& view, int axis) {
    return view ? view->strides[axis] : std::int64_t{0};
  };
  for (int axis = 0; axis < update.labels.shape.size(); ++axis) {
    axes.push_back({update.labels.shape[axis], update.labels.strides[axis],
                    stride(update.image, axis), stride(update.where, axis),
                    stride(update.masked, axis), stride(update.weights, axis),
                    stride(update.counted, axis), stride(update.left_out, axis), axis});
  }
  std::erase_if(axes, [](const PixelAxis& axis) { return axis.length == 1; });
  // The image is usually the largest of the arrays.
  std::ranges::stable_sort(axes, [&](const PixelAxis& a, const PixelAxis& b) {
    if (update.image && std::abs(a.image) != std::abs(b.image)) {
      return std::abs(a.image) > std::abs(b.image);
    }
    return std::abs(a.labels) > std::abs(b.labels);
  });
  if (axes.empty()) axes.emplace_back();
  return axes;
}

}  // namespace

void PixelPlace::move(const PixelAxis& axis, std::int64_t positions) {
  labels += axis.labels * positions;
  image += axis.image * positions;
  where += axis.where * positions;
  masked += axis.masked * positions;
  weights += axis.weights * positions;
  counted += axis.counted * positions;
  left_out += axis.left_out * positions;
}

PixelPlan::PixelPlan(const RegionUpdate& update, std::int64_t chunk_pixels, bool merge_axes)
    : axes_(update.labels.shape.size()) {
  for (const PixelAxis& axis : axes_of(update)) {
    if (merge_axes && !outer_.empty() && adjoin(outer_.back(), axis)) {
      const std::int64_t length = outer_.back().length * axis.length;
      outer_.back() = axis;
      outer_.back().length = length;
    } else {
      outer_.push_back(axis);
    }
  }
  for (const PixelAxis& axis : outer_) pixels_ *= axis.length;
  row_.push_back(outer_.back());
  outer_.pop_back();
  if (merge_axes && row_.front().length < short_row && !outer_.empty()) {
    inner_ = row_.front().length;
    row_.insert(row_.begin(), outer_.back());
    outer_.pop_back();
  }
  const std::int64_t length = row_.front().length;
  positions_ = std::clamp<std::int64_t>(chunk_pixels / std::max<std::int64_t>(1, inner_), 1,
                                        std::max<std::int64_t>(1, length));
  row_chunks_ = (length + positions_ - 1) / positions_;
  chunks_ = row_chunks_;
  for (const PixelAxis& axis : outer_) chunks_ *= axis.length;
}

PixelChunk PixelPlan::chunk(std::int64_t index) const {
  PixelChunk chunk{{}, 0, 0, std::vector<std::int64_t>(static_cast<std::size_t>(axes_), 0)};
  const auto note = [&](const PixelAxis& axis, std::int64_t position) {
    chunk.place.move(axis, position);
    if (axes_ > 0) chunk.index[static_cast<std::size_t>(axis.axis)] = position;
  };
  const std::int64_t first = index % row_chunks_ * positions_;
  index /= row_chunks_;
  note(row_.front(), first);
  for (auto axis = outer_.rbegin(); axis != outer_.rend(); ++axis) {
    note(*axis, index % axis->length);
    index /= axis->length;
  }
  chunk.positions = std::min(positions_, row_.front().length - first);
  chunk.pixels = chunk.positions * inner_;
  return chunk;
}

LaneLayout PixelPlan::layout(std::int64_t PixelAxis::* stride, const View* channels_of,
                             int skipped) const {
  LaneLayout layout;
  for (const PixelAxis& axis : row_) {
    layout.lengths.push_back(axis.length);
    layout.strides.push_back(axis.*stride);
  }
  for (int axis = skipped; channels_of && axis < channels_of->shape.size(); ++axis) {
    if (channels_of->shape[axis] == 1) continue;
    layout.lengths.push_back(channels_of->shape[axis]);
    layout.strides.push_back(channels_of->strides[axis]);
  }
  return layout;
}

}  // namespace boxel
