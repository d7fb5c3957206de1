/* `dlp-sensor check`: looks at settings, rules, host, interfaces and Redis before service, and says in a line
 * each what is well, what would hurt, and what would stop the sensor. */
#include <hiredis/hiredis.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cli/cli.h"
#include "rule_load.h"
#include "redis_talk.h"

enum finding { WELL, HURTS, STOPS };

struct checking {
    unsigned count[3];
};

static void say(struct checking *c, enum finding finding, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct checking *c, enum finding finding, const char *format, ...)
{
    static const char *const words[] = {"ok   ", "warn ", "FAIL "};
    va_list args;
    c->count[finding]++;
    fputs(words[finding], stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static void say_rule(void *user, bool error, const char *message)
{
    say(user, error ? STOPS : HURTS, "rules: %s", message);
}

static void check_rules(struct checking *c, const struct config *config)
{
    if (!config->rule_paths.count) {
        say(c, STOPS, "rules: none found; set rules.paths");
        return;
    }
    struct rule_set *set = rule_load(config, NULL, say_rule, c);
    if (!set)
        return;
    if (rule_set_count(set))
        say(c, WELL, "rules: %u rules compile", rule_set_count(set));
    else
        say(c, HURTS, "rules: no rule at all, so nothing will ever alert");
    rule_set_drop(set);
}

static bool ethtool_flag(int fd, const char *name, uint32_t command)
{
    struct ethtool_value value = {.cmd = command};
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    request.ifr_data = (char *)&value;
    return ioctl(fd, SIOCETHTOOL, &request) == 0 && value.data;
}

static void check_interface(struct checking *c, const struct config *config, const char *name)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) != 0) {
        say(c, STOPS, "interface %s: %m", name);
        if (fd >= 0)
            close(fd);
        return;
    }
    if (!(request.ifr_flags & IFF_UP))
        say(c, STOPS, "interface %s: is down (ip link set %s up)", name, name);
    else
        say(c, WELL, "interface %s: is up", name);
    if (ethtool_flag(fd, name, ETHTOOL_GGRO) && config->snaplen < 65536)
        say(c, HURTS, "interface %s: receive offload merges packets past the snap length (ethtool -K %s gro off)",
            name, name);
    if (ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu + 18 > config->snaplen)
        say(c, HURTS, "interface %s: frames of %d bytes are cut to the snap length %lld", name,
            request.ifr_mtu + 18, (long long)config->snaplen);
    close(fd);
}

static void check_home(struct checking *c, const struct config *config)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0)
        return;
    unsigned inside = 0, seen = 0;
    for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
        struct ip_addr addr;
        if (!a->ifa_addr || (a->ifa_flags & IFF_LOOPBACK))
            continue;
        if (a->ifa_addr->sa_family == AF_INET)
            addr = ip_from_v4((const uint8_t *)&((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr);
        else if (a->ifa_addr->sa_family == AF_INET6)
            addr = ip_from_v6((const uint8_t *)&((struct sockaddr_in6 *)(void *)a->ifa_addr)->sin6_addr);
        else
            continue;
        seen++;
        inside += ip_set_has(config->home, &addr);
    }
    freeifaddrs(all);
    if (seen && !inside)
        say(c, HURTS, "home network: none of this host's addresses is in it; is sensor.home_nets right?");
    else
        say(c, WELL, "home network: %zu prefixes", config->home_nets.count);
}

static void check_host(struct checking *c, const struct config *config)
{
    struct sysinfo info;
    if (sysinfo(&info) == 0) {
        uint64_t mib = (uint64_t)info.totalram * info.mem_unit >> 20;
        uint64_t rings = (uint64_t)(config->buffer_mib * config->workers) * config->interfaces.count;
        uint64_t need = (uint64_t)config->memory_mib + 64 + rings;
        say(c, need > mib ? STOPS : need > mib * 3 / 4 ? HURTS : WELL,
            "memory: %llu MiB of %llu MiB at most (limits.memory_mib and the kernel rings)",
            (unsigned long long)need, (unsigned long long)mib);
    }
    if (geteuid() != 0)
        say(c, HURTS, "account: not root: capturing needs CAP_NET_RAW");
    else if (config->user[0] && !getpwnam(config->user))
        say(c, HURTS, "account: '%s' does not exist, so the sensor would stay root (sensor.user)",
            config->user);
}

static void check_redis(struct checking *c, const struct config *config)
{
    char error[512];
    if (!config->redis_url[0] || strcmp(config->redis_url, "off") == 0) {
        say(c, HURTS, "redis: off: alerts go to %s only", config->json[0] ? config->json : "nowhere");
        return;
    }
    struct redis_talk *redis = redis_talk_open(config, error, sizeof(error));
    if (!redis) {
        say(c, HURTS, "%s; alerts wait in the spool until it is back", error);
        return;
    }
    redisReply *reply = redis_talk(redis, "PING");
    if (reply && reply->type != REDIS_REPLY_ERROR)
        say(c, WELL, "redis: %s answers", config->redis_url);
    else
        say(c, HURTS, "redis: %s", redis_talk_error(redis));
    if (reply)
        freeReplyObject(reply);
    reply = redis_talk(redis, "CONFIG GET maxmemory-policy");
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        strncmp(reply->element[1]->str, "allkeys", 7) == 0)
        say(c, HURTS, "redis: maxmemory-policy %s may evict the alert stream (use noeviction)",
            reply->element[1]->str);
    if (reply)
        freeReplyObject(reply);
    redis_talk_close(redis);
}

static void check_spool(struct checking *c, const struct config *config)
{
    struct statvfs fs;
    if (!config->spool_dir[0])
        return;
    if (access(config->spool_dir, W_OK) != 0)
        say(c, HURTS, "spool: %s: %m", config->spool_dir);
    else if (statvfs(config->spool_dir, &fs) == 0 &&
             (uint64_t)fs.f_bavail * fs.f_frsize >> 20 < (uint64_t)config->spool_max_mib)
        say(c, HURTS, "spool: %s has less room than spool.max_mib", config->spool_dir);
    else
        say(c, WELL, "spool: %s", config->spool_dir);
}

int cli_check(const struct config *config, const struct string_list *operands)
{
    struct checking c = {{0}};
    (void)operands;
    say(&c, WELL, "configuration: valid");
    check_rules(&c, config);
    check_home(&c, config);
    check_host(&c, config);
    if (!config->interfaces.count)
        say(&c, HURTS, "interfaces: none configured; capture needs -i IFACE");
    for (size_t i = 0; i < config->interfaces.count; i++)
        check_interface(&c, config, config->interfaces.items[i]);
    check_spool(&c, config);
    check_redis(&c, config);
    printf("%u well, %u would hurt, %u would stop the sensor\n", c.count[WELL], c.count[HURTS],
           c.count[STOPS]);
    return c.count[STOPS] ? 2 : 0;
}
