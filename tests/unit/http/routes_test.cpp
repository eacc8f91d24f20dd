// The management API without sockets: who may take which route, and what handlers answer.
#include <algorithm>

#include "unit/http/management.hpp"

namespace mq::http {
namespace {

const Answer kNotFound{404, R"({"error":"Object Not Found","reason":"Not Found"})"};
Answer not_authorised_with(const std::string& reason) { return {401, R"({"error":"not_authorised","reason":")" + reason + "\"}"}; }
Answer bad_request_with(const std::string& reason) { return {400, R"({"error":"bad_request","reason":")" + reason + "\"}"}; }

}  // namespace

// --- who may ---

TEST_F(Management, KnowsAUserByPassword) {
  EXPECT_TRUE(logs_in(basic("monitoring", "secret"), false));
  EXPECT_TRUE(logs_in("basic " + encode_base64("monitoring:secret"), false));
  EXPECT_FALSE(logs_in(basic("monitoring", "wrong"), true));
  EXPECT_FALSE(logs_in(basic("nobody", "secret"), true));
  EXPECT_FALSE(logs_in(basic("monitoring", ""), true));
}

TEST_F(Management, AnswersAFailedLoginAlwaysAlike) {
  const Response refused = login_failed();
  EXPECT_EQ(refused.status, 401u);
  EXPECT_EQ(refused.body, R"({"error":"not_authorized","reason":"Login failed"})");
  EXPECT_EQ(refused.headers.back().first, "www-authenticate");
  Claim claim;
  const auto unknown_scheme = read_claim("Bearer x", claim);
  ASSERT_TRUE(unknown_scheme);
  EXPECT_EQ(std::tie(unknown_scheme->status, unknown_scheme->body), std::tie(refused.status, refused.body));
}

TEST_F(Management, AsksWhoSaysNothingForALogin) {
  Claim claim;
  const auto refused = read_claim("", claim);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401u);
  EXPECT_EQ(refused->body, "");
}

TEST_F(Management, RefusesALoginThatIsNone) {
  Claim claim;
  for (const char* header : {"Basic !!!!", "Basic Z3Vlc3Q="}) EXPECT_EQ(read_claim(header, claim)->status, 400u) << header;
}

TEST_F(Management, LetsALoopbackUserInFromThisMachineOnly) {
  options.loopback_users = {"monitoring"};
  broker->apply(options);
  EXPECT_TRUE(logs_in(basic("monitoring", "secret"), true));
  EXPECT_FALSE(logs_in(basic("monitoring", "secret"), false));
}

TEST_F(Management, NeedsATag) { EXPECT_EQ(says("untagged", Verb::kGet, "/api/whoami"), not_authorised_with("Not management user")); }

struct RightRow {
  Verb verb;
  const char* target;
  unsigned management, policymaker, monitoring, administrator;
};

TEST_F(Management, GrantsByTagAndPermission) {
  const RightRow kRows[] = {
      {Verb::kGet, "/api/whoami", 200, 200, 200, 200},
      {Verb::kGet, "/api/vhosts", 200, 200, 200, 200},
      {Verb::kGet, "/api/vhosts/other", 401, 401, 200, 200},
      {Verb::kGet, "/api/queues/%2F", 200, 200, 401, 200},
      {Verb::kGet, "/api/queues/other", 401, 401, 401, 200},
      {Verb::kGet, "/api/exchanges/%2F/amq.topic", 200, 200, 401, 200},
      {Verb::kGet, "/api/policies/%2F", 200, 200, 401, 200},
      {Verb::kGet, "/api/policies/%2F/p", 401, 404, 401, 404},
      {Verb::kDelete, "/api/policies/%2F/p", 401, 404, 401, 404},
      {Verb::kDelete, "/api/policies/other/p", 401, 401, 401, 404},
      {Verb::kDelete, "/api/operator-policies/%2F/p", 401, 401, 401, 404},
      {Verb::kGet, "/api/parameters", 401, 200, 401, 200},
      {Verb::kGet, "/api/global-parameters", 401, 200, 401, 200},
      {Verb::kGet, "/api/vhost-limits/%2F", 200, 200, 200, 200},
      {Verb::kDelete, "/api/vhost-limits/%2F/max-queues", 401, 401, 401, 204},
      {Verb::kGet, "/api/user-limits", 200, 200, 200, 200},
      {Verb::kDelete, "/api/user-limits/management/max-channels", 401, 401, 401, 204},
  };
  for (const RightRow& row : kRows) {
    EXPECT_EQ(says("management", row.verb, row.target).status, row.management) << row.target;
    EXPECT_EQ(says("policymaker", row.verb, row.target).status, row.policymaker) << row.target;
    EXPECT_EQ(says("monitoring", row.verb, row.target).status, row.monitoring) << row.target;
    EXPECT_EQ(says("administrator", row.verb, row.target).status, row.administrator) << row.target;
  }
}

// Whoever lacks what a row asks for is refused by every route of that row's kind, before its handler sees the request.
TEST_F(Management, EveryRouteRefusesWhoLacksWhatItNeeds) {
  for (const Route& route : routes()) {
    std::string target(route.path);
    const std::string vhost = "{vhost}";
    const bool in_vhost = target.find(vhost) != std::string::npos;
    if (in_vhost) target.replace(target.find(vhost), vhost.size(), "other");
    for (std::size_t at = target.find('{'); at != std::string::npos; at = target.find('{'))
      target.replace(at, target.find('}') - at + 1, "x");
    EXPECT_EQ(says("untagged", route.verb, target, "{}"), not_authorised_with("Not management user")) << target;
    // Nobody here has a permission in "other"; monitors may look at some of it.
    std::vector<std::string> refused;
    switch (route.needs) {
      case Needs::kLogin: EXPECT_FALSE(in_vhost) << target; break;
      case Needs::kVHost: refused = {"management", "policymaker", "monitoring"}; break;
      case Needs::kVisibleVHost: refused = {"management", "policymaker"}; break;
      case Needs::kPolicymaker:
        refused = in_vhost ? std::vector<std::string>{"management", "monitoring", "policymaker"}
                           : std::vector<std::string>{"management", "monitoring"};
        break;
      case Needs::kAdministrator: refused = {"management", "policymaker", "monitoring"}; break;
    }
    for (const std::string& user : refused) EXPECT_EQ(says(user, route.verb, target, "{}").status, 401u) << user << " " << target;
    EXPECT_NE(says("administrator", route.verb, target, "{}").status, 401u) << target;
  }
}

TEST_F(Management, NoRouteThatChangesAnythingIsOpenToEverybody) {
  for (const Route& route : routes())
    EXPECT_TRUE(route.verb == Verb::kGet || route.needs == Needs::kPolicymaker || route.needs == Needs::kAdministrator) << route.path;
}

TEST_F(Management, SaysWhatIsMissing) {
  EXPECT_EQ(says("management", Verb::kGet, "/api/queues/other"), not_authorised_with("User not authorised to access virtual host"));
  EXPECT_EQ(says("management", Verb::kPut, "/api/policies/%2F/p"), not_authorised_with("User not authorised to access object"));
  EXPECT_EQ(says("management", Verb::kPut, "/api/vhost-limits/%2F/max-queues"), not_authorised_with("Not administrator user"));
}

TEST_F(Management, ListsOnlyWhatAUserMayEnter) {
  EXPECT_EQ(says("management", Verb::kGet, "/api/vhosts?columns=name").body, R"([{"name":"/"}])");
  EXPECT_EQ(says("monitoring", Verb::kGet, "/api/vhosts?columns=name").body, R"([{"name":"/"},{"name":"other"}])");
  EXPECT_EQ(says("monitoring", Verb::kGet, "/api/exchanges").body, "[]");
}

// --- paths ---

TEST_F(Management, KnowsNoOtherPaths) {
  for (const char* target : {"/", "/api", "/api/nonsense", "/api/policies/%2F/p/more"}) EXPECT_EQ(gets(target), kNotFound) << target;
}

TEST_F(Management, SaysWhichVerbsAPathKnows) {
  EXPECT_EQ(deletes("/api/whoami").status, 405u);
  Request request;
  ASSERT_TRUE(read_target("/api/policies/%2F/p", request));
  EXPECT_EQ(allowed_verbs(request), "HEAD, GET, PUT, DELETE, OPTIONS");
  ASSERT_TRUE(read_target("/api/nonsense", request = {}));
  EXPECT_EQ(allowed_verbs(request), "");
}

TEST_F(Management, KnowsNoOtherVHosts) {
  EXPECT_EQ(gets("/api/queues/none"), kNotFound);
  EXPECT_EQ(puts("/api/policies/none/p", "{}"), (Answer{404, R"({"error":"not_found","reason":"vhost_not_found"})"}));
}

TEST_F(Management, EveryRouteAnswersBadInput) {
  for (const Route& route : routes()) {
    std::string target(route.path);
    for (std::size_t at = target.find('{'); at != std::string::npos; at = target.find('{'))
      target.replace(at, target.find('}') - at + 1, "%00%FF'\"");
    for (const char* body : {"", "{", "[]", "{\"value\":{\"a\":[]},\"pattern\":{},\"definition\":7}"}) {
      const Answer answer = says("administrator", route.verb, target, body);
      EXPECT_TRUE(answer.status >= 200 && answer.status < 500) << target << " " << answer;
    }
  }
}

// --- policies ---

TEST_F(Management, SetsListsAndClearsAPolicy) {
  EXPECT_EQ(puts("/api/policies/%2F/p", R"({"pattern":"^q","definition":{"max-length":1},"priority":3,"apply-to":"queues"})").status, 201u);
  const std::string object = R"({"vhost":"/","name":"p","pattern":"^q","apply-to":"queues","definition":{"max-length":1},"priority":3})";
  EXPECT_EQ(gets("/api/policies/%2F/p"), (Answer{200, object}));
  EXPECT_EQ(gets("/api/policies"), (Answer{200, "[" + object + "]"}));
  EXPECT_EQ(puts("/api/policies/%2F/p", R"({"pattern":"^q","definition":{"max-length":2}})").status, 204u);
  EXPECT_EQ(deletes("/api/policies/%2F/p").status, 204u);
  EXPECT_EQ(deletes("/api/policies/%2F/p"), kNotFound);
  EXPECT_EQ(gets("/api/policies"), (Answer{200, "[]"}));
}

struct RefusedPolicyRow {
  const char* body;
  const char* reason;
};

TEST_F(Management, RefusesAPolicyWithRabbitsTexts) {
  const RefusedPolicyRow kRows[] = {
      {"{bad", "not_json"},
      {"[]", "not_json"},
      {"", "[{key_missing,pattern},{key_missing,definition}]"},
      {R"({"pattern":"x"})", "[{key_missing,definition}]"},
      {R"({"pattern":1,"definition":{}})", R"(Validation failed\n\npattern should be a binary but was 1\n)"},
      {R"({"pattern":"x","definition":{"max-length":1},"priority":"7"})",
       R"(Validation failed\n\npriority should be a number, actually was &lt;&lt;\"7\"&gt;&gt;\n)"},
      {R"({"pattern":"x","definition":7})", R"(Validation failed\n\ndefinition should be an object but was 7\n)"},
      {R"({"pattern":"x","definition":{"foo":1}})",
       R"(Validation failed\n\n[{&lt;&lt;\"foo\"&gt;&gt;,1}] are not recognised policy settings\n)"},
  };
  for (const RefusedPolicyRow& row : kRows) EXPECT_EQ(puts("/api/policies/%2F/p", row.body), bad_request_with(row.reason)) << row.body;
  EXPECT_EQ(gets("/api/policies").body, "[]");
}

TEST_F(Management, ShowsThePoliciesOfAQueue) {
  declares_queue("q");
  EXPECT_EQ(gets("/api/queues/%2F/q?columns=policy,operator_policy,effective_policy_definition").body,
            R"({"policy":null,"operator_policy":null,"effective_policy_definition":{}})");
  EXPECT_EQ(puts("/api/policies/%2F/p", R"({"pattern":"","definition":{"max-length":9,"expires":5000}})").status, 201u);
  EXPECT_EQ(puts("/api/operator-policies/%2F/o", R"({"pattern":"","definition":{"max-length":2}})").status, 201u);
  EXPECT_EQ(gets("/api/queues/%2F/q?columns=policy,operator_policy,effective_policy_definition").body,
            R"({"policy":"p","operator_policy":"o","effective_policy_definition":{"expires":5000,"max-length":2}})");
  EXPECT_EQ(gets("/api/exchanges/%2F/amq.topic?columns=policy").body, R"({"policy":"p"})");
}

TEST_F(Management, CallsTheDefaultExchangeByItsAlias) {
  EXPECT_EQ(gets("/api/exchanges/%2F/amq.default?columns=name,type").body, R"({"name":"","type":"direct"})");
}

// --- arguments and redeclaring ---

TEST_F(Management, ChangesTheArgumentsOfAQueue) {
  declares_queue("q");
  EXPECT_EQ(puts("/api/queues/%2F/q/arguments", R"({"x-max-length":5,"x-expires":60000})").status, 204u);
  EXPECT_EQ(puts("/api/queues/%2F/q/arguments", R"({"x-expires":null})").status, 204u);
  EXPECT_EQ(gets("/api/queues/%2F/q?columns=arguments").body, R"({"arguments":{"x-max-length":5}})");
}

TEST_F(Management, RefusesArgumentsThatCannotBe) {
  declares_queue("q");
  EXPECT_EQ(puts("/api/queues/%2F/none/arguments", "{}"), kNotFound);
  EXPECT_EQ(puts("/api/queues/%2F/q/arguments", "[]"), bad_request_with("not_json"));
  EXPECT_EQ(puts("/api/queues/%2F/q/arguments", R"({"x-max-length":-5})"),
            bad_request_with("invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-5}"));
  EXPECT_EQ(puts("/api/queues/%2F/q/arguments", R"({"x-queue-type":"ring"})"),
            bad_request_with(R"(invalid arg 'x-queue-type' for queue 'q' in vhost '/': \"unsupported queue type 'ring'\")"));
}

TEST_F(Management, SetsHowAVHostTakesRedeclaring) {
  EXPECT_EQ(gets("/api/vhosts/%2F?columns=redeclare").body, R"({"redeclare":"strict"})");
  EXPECT_EQ(puts("/api/vhosts/%2F", R"({"redeclare":"relaxed"})").status, 204u);
  EXPECT_EQ(gets("/api/vhosts/%2F?columns=redeclare").body, R"({"redeclare":"relaxed"})");
  EXPECT_EQ(puts("/api/vhosts/%2F", R"({"description":"x"})").status, 204u);
  EXPECT_EQ(puts("/api/vhosts/%2F", R"({"redeclare":7})").status, 400u);
  EXPECT_EQ(says("policymaker", Verb::kPut, "/api/vhosts/%2F", R"({"redeclare":"strict"})"), not_authorised_with("Not administrator user"));
  EXPECT_EQ(gets("/api/vhosts/%2F?columns=redeclare").body, R"({"redeclare":"relaxed"})");
}

// --- pausing ---

TEST_F(Management, PausesAndResumesAQueue) {
  declares_queue("q");
  const std::string state = "/api/queues/%2F/q?columns=state,paused_delivery,paused_publish";
  EXPECT_EQ(gets(state).body, R"({"state":"running","paused_delivery":false,"paused_publish":false})");
  EXPECT_EQ(puts("/api/queues/%2F/q/pause", "").status, 204u);
  EXPECT_EQ(gets(state).body, R"({"state":"paused","paused_delivery":true,"paused_publish":false})");
  EXPECT_EQ(puts("/api/queues/%2F/q/pause?what=publish", "").status, 204u);
  EXPECT_EQ(puts("/api/queues/%2F/q/resume", R"({"what":"delivery"})").status, 204u);
  EXPECT_EQ(gets(state).body, R"({"state":"running","paused_delivery":false,"paused_publish":true})");
  EXPECT_EQ(puts("/api/queues/%2F/q/resume", R"({"what":"all"})").status, 204u);
  EXPECT_EQ(gets(state).body, R"({"state":"running","paused_delivery":false,"paused_publish":false})");
}

TEST_F(Management, PausesOnlyWhatItKnows) {
  declares_queue("q");
  EXPECT_EQ(puts("/api/queues/%2F/none/pause", ""), kNotFound);
  for (const char* body : {R"({"what":"everything"})", R"({"what":1})"})
    EXPECT_EQ(puts("/api/queues/%2F/q/pause", body), bad_request_with("what should be delivery, publish or all")) << body;
  EXPECT_EQ(says("management", Verb::kPut, "/api/queues/%2F/q/pause"), not_authorised_with("User not authorised to access object"));
}

// --- delayed messages ---

TEST_F(Management, ListsDelayedMessagesByTheirTime) {
  EXPECT_EQ(gets("/api/delayed/%2F").body, R"({"total_count":0,"item_count":0,"next":null,"items":[]})");
  const UnixMillis now = scheduler.now();
  delays("later", now + 60'000, "12345");
  delays("", now + 50'000);
  const std::string sooner = std::to_string(now + 50'000), later = std::to_string(now + 60'000), accepted = std::to_string(now);
  EXPECT_EQ(gets("/api/delayed/%2F").body, R"({"total_count":2,"item_count":2,"next":null,"items":[{"key":")" + sooner +
                                               R"(-1","message_id":"","exchange":"x","routing_key":"k","due":)" + sooner +
                                               R"(,"accepted":)" + accepted + R"(,"size":4},{"key":")" + later +
                                               R"(-0","message_id":"later","exchange":"x","routing_key":"k","due":)" + later +
                                               R"(,"accepted":)" + accepted + R"(,"size":5}]})");
  EXPECT_EQ(gets("/api/vhosts/%2F?columns=messages_delayed,message_bytes_delayed").body,
            R"({"messages_delayed":2,"message_bytes_delayed":9})");
}

TEST_F(Management, ListsDelayedMessagesPageAfterPage) {
  for (int number = 0; number < 3; ++number) delays("m" + std::to_string(number), scheduler.now() + 60'000);
  const std::string due = std::to_string(scheduler.now() + 60'000);
  EXPECT_EQ(gets("/api/delayed/%2F?count=2&columns=total_count,item_count,next").body,
            R"({"total_count":3,"item_count":2,"next":")" + due + R"(-2"})");
  EXPECT_EQ(gets("/api/delayed/%2F?count=2&columns=item_count,next&from=" + due + "-2").body, R"({"item_count":1,"next":null})");
}

TEST_F(Management, CancelsDelayedMessagesByIdOrKey) {
  const std::string due = std::to_string(scheduler.now() + 60'000);
  for (const char* message_id : {"twice", "twice", "once", ""}) delays(message_id, scheduler.now() + 60'000);
  EXPECT_EQ(deletes("/api/delayed/%2F/twice"), (Answer{200, R"({"cancelled":2})"}));
  EXPECT_EQ(deletes("/api/delayed/%2F/twice"), kNotFound);
  EXPECT_EQ(deletes("/api/delayed/%2F/" + due + "-3?by=key"), (Answer{200, R"({"cancelled":1})"}));
  EXPECT_EQ(deletes("/api/delayed/%2F/" + due + "-3?by=key"), kNotFound);
  EXPECT_EQ(gets("/api/vhosts/%2F?columns=messages_delayed").body, R"({"messages_delayed":1})");
}

TEST_F(Management, RefusesKeysThatAreNone) {
  for (const char* key : {"", "-", "x", "1-", "-1-0", "1-2-3", "1", "99999999999999999999-0"})
    EXPECT_EQ(gets(std::string("/api/delayed/%2F?from=") + key), bad_request_with("from should be a key such as 1700000000000-0")) << key;
  EXPECT_EQ(deletes("/api/delayed/%2F/x?by=key"), bad_request_with("a key is such as 1700000000000-0"));
  for (const char* count : {"0", "1001", "x", "-1"})
    EXPECT_EQ(gets(std::string("/api/delayed/%2F?count=") + count), bad_request_with("count should be a number from 1 to 1000")) << count;
}

TEST_F(Management, LetsOnlyPolicymakersCancel) {
  delays("m", scheduler.now() + 60'000);
  EXPECT_EQ(says("management", Verb::kGet, "/api/delayed/%2F").status, 200u);
  EXPECT_EQ(says("management", Verb::kDelete, "/api/delayed/%2F/m"), not_authorised_with("User not authorised to access object"));
  EXPECT_EQ(says("policymaker", Verb::kDelete, "/api/delayed/%2F/m").status, 200u);
}

// --- parameters and limits ---

TEST_F(Management, KeepsGlobalParametersAsTheyAre) {
  EXPECT_EQ(puts("/api/global-parameters/a", R"({"value":{"x":[1,null,"s"]}})").status, 201u);
  EXPECT_EQ(puts("/api/global-parameters/a", R"({"value":{"x":[1,null,"s"]}})").status, 204u);
  EXPECT_EQ(gets("/api/global-parameters/a").body, R"({"name":"a","value":{"x":[1,null,"s"]}})");
  EXPECT_EQ(deletes("/api/global-parameters/a").status, 204u);
  EXPECT_EQ(gets("/api/global-parameters/a"), kNotFound);
}

TEST_F(Management, TakesTheLimitsOfAVHostForAParameter) {
  EXPECT_EQ(puts("/api/vhost-limits/%2F/max-queues", R"({"value":5})").status, 204u);
  EXPECT_EQ(gets("/api/parameters/vhost-limits/%2F/limits").body,
            R"({"vhost":"/","component":"vhost-limits","name":"limits","value":{"max-queues":5}})");
  EXPECT_EQ(puts("/api/parameters/vhost-limits/%2F/limits", R"({"value":{"max-connections":7}})").status, 204u);
  EXPECT_EQ(gets("/api/vhost-limits").body, R"([{"vhost":"/","value":{"max-connections":7}}])");
  EXPECT_EQ(deletes("/api/vhost-limits/%2F/max-connections").status, 204u);
  EXPECT_EQ(gets("/api/parameters").body, "[]");
}

TEST_F(Management, SetsAndLiftsLimitsOfUsers) {
  EXPECT_EQ(puts("/api/user-limits/management/max-channels", R"({"value":5})").status, 204u);
  EXPECT_EQ(gets("/api/user-limits/management").body, R"([{"user":"management","value":{"max-channels":5}}])");
  EXPECT_EQ(deletes("/api/user-limits/management/max-channels").status, 204u);
  EXPECT_EQ(gets("/api/user-limits").body, "[]");
  EXPECT_EQ(gets("/api/user-limits/nobody"), kNotFound);
}

// --- lists ---

TEST_F(Management, SortsFiltersAndCutsLists) {
  EXPECT_EQ(gets("/api/exchanges/%2F?columns=name&name=HEAD").body, R"([{"name":"amq.headers"}])");
  EXPECT_EQ(gets("/api/exchanges/%2F?columns=name&name=%5Eamq.m&use_regex=true").body, R"([{"name":"amq.match"}])");
  EXPECT_EQ(gets("/api/exchanges/%2F?columns=type,name&name=i&sort=type&sort_reverse=true").body,
            R"([{"type":"topic","name":"amq.rabbitmq.trace"},{"type":"topic","name":"amq.topic"},{"type":"direct","name":"amq.direct"}])");
}

TEST_F(Management, CutsListsIntoPages) {
  EXPECT_EQ(gets("/api/exchanges/%2F?columns=name&page=2&page_size=3").body,
            R"({"filtered_count":7,"item_count":3,"items":[{"name":"amq.headers"},{"name":"amq.match"},{"name":"amq.rabbitmq.trace"}],)"
            R"("page":2,"page_count":3,"page_size":3,"total_count":7})");
  EXPECT_EQ(gets("/api/exchanges?page=0").body,
            R"({"error":"invalid_pagination_parameters","reason":"Invalid pagination parameters: page number 0, page size 100"})");
  EXPECT_EQ(gets("/api/exchanges/%2F?page=5&page_size=10").body,
            R"({"error":"page_out_of_range","reason":"Page out of range, page: 5 page size: 10, len: 7"})");
}

// --- how the node is ---

TEST_F(Management, TellsHowMemoryDiskAndStoreAre) {
  engine::Health health;
  health.memory_bytes = 10, health.memory_limit_bytes = 20, health.disk_free_bytes = 30, health.disk_free_limit_bytes = 40;
  health.low_on_disk = true;
  health.store = engine::StoreState::kFull;
  health.store_since = 1'700'000'000'000;
  health.store_text = "no space left";
  broker->set_health(health);
  const char* columns =
      "?columns=name,mem_used,mem_limit,mem_alarm,disk_free,disk_free_limit,disk_free_alarm,store_state,store_reason,store_since";
  const std::string node = R"({"name":"brokerd@here","mem_used":10,"mem_limit":20,"mem_alarm":false,"disk_free":30,"disk_free_limit":40,)"
                           R"("disk_free_alarm":true,"store_state":"full","store_reason":"no space left","store_since":1700000000000})";
  EXPECT_EQ(says("monitoring", Verb::kGet, std::string("/api/nodes/brokerd@here") + columns), (Answer{200, node}));
  EXPECT_EQ(gets(std::string("/api/nodes") + columns).body, "[" + node + "]");
  EXPECT_EQ(gets("/api/nodes/other"), kNotFound);
  EXPECT_EQ(says("policymaker", Verb::kGet, "/api/nodes"), not_authorised_with("Not monitor user"));
}

TEST_F(Management, FailsItsHealthChecksWhileAnAlarmIsOn) {
  EXPECT_EQ(gets("/api/health/checks/local-alarms"), (Answer{200, R"({"status":"ok"})"}));
  engine::Health health;
  health.low_on_disk = true;
  broker->set_health(health);
  EXPECT_EQ(gets("/api/health/checks/local-alarms"), (Answer{503, R"({"status":"failed","reason":"There are alarms in effect on the node",)"
                                                                  R"("alarms":[{"node":"brokerd@here","resource":"disk"}]})"}));
  health.low_on_memory = true;
  broker->set_health(health);
  EXPECT_EQ(gets("/api/health/checks/alarms"),
            (Answer{503, R"({"status":"failed","reason":"There are alarms in effect in the cluster",)"
                         R"("alarms":[{"node":"brokerd@here","resource":"memory"},{"node":"brokerd@here","resource":"disk"}]})"}));
}

TEST_F(Management, TellsWhatTheBrokerIs) {
  declares_queue("q");
  const auto overview = parse_json(gets("/api/overview").body);
  ASSERT_TRUE(overview);
  EXPECT_EQ(overview->at("product_version"), "1.2.3");
  EXPECT_EQ(overview->at("cluster_name"), "the cluster");
  EXPECT_EQ(overview->at("object_totals").at("queues"), 1);
}

}  // namespace mq::http
