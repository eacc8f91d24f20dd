// Transaction methods (class 90).
#pragma once

#include "mq/amqp/fields.hpp"

namespace mq::amqp {

struct TxSelect {
  static constexpr MethodId kId{90, 10};
  static constexpr std::string_view kName = "tx.select";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const TxSelect&) const = default;
};

struct TxSelectOk {
  static constexpr MethodId kId{90, 11};
  static constexpr std::string_view kName = "tx.select-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const TxSelectOk&) const = default;
};

struct TxCommit {
  static constexpr MethodId kId{90, 20};
  static constexpr std::string_view kName = "tx.commit";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const TxCommit&) const = default;
};

struct TxCommitOk {
  static constexpr MethodId kId{90, 21};
  static constexpr std::string_view kName = "tx.commit-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const TxCommitOk&) const = default;
};

struct TxRollback {
  static constexpr MethodId kId{90, 30};
  static constexpr std::string_view kName = "tx.rollback";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const TxRollback&) const = default;
};

struct TxRollbackOk {
  static constexpr MethodId kId{90, 31};
  static constexpr std::string_view kName = "tx.rollback-ok";
  static constexpr auto kFields = std::make_tuple();
  bool operator==(const TxRollbackOk&) const = default;
};

}  // namespace mq::amqp
