#include "apps/brokerctl/password.hpp"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <string_view>

namespace mq::brokerctl {
namespace {

constexpr std::string_view kOption = "--password";

std::string first_line(std::istream& in) {
  std::string line;
  std::getline(in, line);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::string password_in(const std::string& file) {
  if (file == "-") return first_line(std::cin);
  std::ifstream in(file);
  if (!in) throw CLI::ValidationError("--password-file", "'" + file + "' cannot be read");
  return first_line(in);
}

/// Asks at the terminal, without showing what is typed.
std::string ask(const std::string& whose) {
  struct Closes {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Closes> terminal(std::fopen("/dev/tty", "r+"));
  if (!terminal) throw CLI::ValidationError("--ask-password", "there is no terminal to ask at");
  const int device = ::fileno(terminal.get());
  termios shown{};
  if (::tcgetattr(device, &shown) != 0) throw CLI::ValidationError("--ask-password", "there is no terminal to ask at");
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  std::fprintf(terminal.get(), "%s password: ", whose.c_str());
  std::fflush(terminal.get());
  ::tcsetattr(device, TCSAFLUSH, &hidden);
  std::string password;
  for (int c = std::fgetc(terminal.get()); c != EOF && c != '\n'; c = std::fgetc(terminal.get())) password += static_cast<char>(c);
  ::tcsetattr(device, TCSAFLUSH, &shown);
  std::fprintf(terminal.get(), "\n");
  return password;
}

}  // namespace

void add_password_options(CLI::App& command, std::string& password, const std::string& whose) {
  CLI::Option* given =
      command
          .add_option(std::string(kOption), password,
                      whose + " password; better --password-file, --ask-password or $BROKERD_PASSWORD, which others cannot see")
          ->envname("BROKERD_PASSWORD");
  command
      .add_option_function<std::string>(
          "--password-file", [&password](const std::string& file) { password = password_in(file); },
          "a file whose first line is the password; - = standard input")
      ->type_name("FILE")
      ->excludes(given);
  command
      .add_flag_callback(
          "--ask-password", [&password, whose] { password = ask(whose); }, "asks for the password at the terminal")
      ->excludes(given);
}

void hide_passwords(int argc, char** argv) {
  for (int index = 1; index < argc; ++index) {
    const std::string_view argument = argv[index];
    if (argument == kOption && index + 1 < argc) std::memset(argv[index + 1], '*', std::strlen(argv[index + 1]));
    else if (argument.starts_with(kOption) && argument.substr(kOption.size()).starts_with('='))
      std::memset(argv[index] + kOption.size() + 1, '*', argument.size() - kOption.size() - 1);
  }
}

}  // namespace mq::brokerctl
