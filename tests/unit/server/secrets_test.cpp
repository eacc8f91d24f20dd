#include "server/secrets.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace mq::server {
namespace {

class Secrets : public ::testing::Test {
 protected:
  Secrets() {
    std::string pattern = (std::filesystem::temp_directory_path() / "brokerd-secrets-test-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~Secrets() override {
    std::filesystem::remove_all(directory_);
    for (const char* name : {"CREDENTIALS_DIRECTORY", "BROKERD_DEFAULT_PASSWORD"}) ::unsetenv(name);
  }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
    return directory_ + "/" + name;
  }
  std::string directory_;
};

}  // namespace

TEST_F(Secrets, AreWhatAFileHoldsWithoutItsLineBreak) {
  EXPECT_EQ(read_secret(file("a", "secret\n")).value(), "secret");
  EXPECT_EQ(read_secret(file("b", "secret\r\n")).value(), "secret");
  EXPECT_EQ(read_secret(file("c", " two\nlines\n")).value(), " two\nlines");
}

TEST_F(Secrets, AreNotEmptyAndNotEndless) {
  for (const std::string& text : {std::string(), std::string("\n"), std::string(4097, 'x')})
    EXPECT_EQ(read_secret(file("a", text)).error().text, "the secret in '" + directory_ + "/a' has not 1 to 4096 bytes");
  EXPECT_EQ(read_secret(directory_ + "/none").error().text, "the secret in '" + directory_ + "/none' cannot be read");
}

TEST_F(Secrets, ComeFromTheFirstPlaceThatHasOne) {
  Config config;
  config.default_password = "from the configuration";
  EXPECT_EQ(default_password(config).value(), "from the configuration");
  ::setenv("BROKERD_DEFAULT_PASSWORD", "from the environment", 1);
  EXPECT_EQ(default_password(config).value(), "from the environment");
  ::setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1);
  EXPECT_EQ(default_password(config).value(), "from the environment");  // the service manager had none for us
  (void)file("default_password", "from the service manager");
  EXPECT_EQ(default_password(config).value(), "from the service manager");
  config.default_password_file = file("own", "from a file");
  EXPECT_EQ(default_password(config).value(), "from a file");
}

}  // namespace mq::server
