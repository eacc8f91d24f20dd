// Where brokerctl gets a password from, other than from its command line, which everybody can read who can list processes.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace mq::brokerctl {

/// Adds --password, --password-file and --ask-password to a command; whichever is given fills in `password` while the line is parsed.
void add_password_options(CLI::App& command, std::string& password, const std::string& whose);

/// Overwrites the passwords that stand in the arguments of this process, once they are parsed: `ps` shows them no more.
void hide_passwords(int argc, char** argv);

}  // namespace mq::brokerctl
