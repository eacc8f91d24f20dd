// The stores that have to keep the port's promises, and how to close and open them.
#pragma once

#include <memory>
#include <string>

#include "store/memory_store.hpp"
#include "unit/store/store_fixtures.hpp"

namespace mq::store::test {

/// A way to have a store: where it lies, and whether it can be closed and opened again.
class Place {
 public:
  virtual ~Place() = default;
  [[nodiscard]] virtual std::unique_ptr<Storage> open() = 0;
  [[nodiscard]] virtual bool lasts() const = 0;
};

class MemoryPlace final : public Place {
 public:
  std::unique_ptr<Storage> open() override { return std::make_unique<MemoryStore>(); }
  [[nodiscard]] bool lasts() const override { return false; }
};

class RocksPlace final : public Place {
 public:
  std::unique_ptr<Storage> open() override { return test::open(directory_.path()); }
  [[nodiscard]] bool lasts() const override { return true; }

 private:
  TemporaryDirectory directory_;
};

struct Implementation {
  const char* name;
  std::unique_ptr<Place> (*make)();
};

template <class P>
std::unique_ptr<Place> make() {
  return std::make_unique<P>();
}
inline constexpr Implementation kMemory{"Memory", make<MemoryPlace>};
inline constexpr Implementation kRocks{"Rocks", make<RocksPlace>};
inline const auto name_of = [](const auto& each) { return std::string(each.param.name); };

}  // namespace mq::store::test
