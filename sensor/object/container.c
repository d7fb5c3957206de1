/* Which container reads a body: the table, asked by the declared media type. */
#include <stdlib.h>
#include <string.h>

#include "env.h"

static const struct container_ops *const containers[] = {
#define CONTAINER(name) &container_##name,
#include "container_list.def"
#undef CONTAINER
};

struct container *container_open(struct object_env *env, struct object *router, const struct object_info *info)
{
    for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++) {
        const struct container_ops *ops = containers[i];
        if (strncmp(router->declared_type, ops->media_type, strlen(ops->media_type)) != 0)
            continue;
        struct container *container = calloc(1, ops->state_size);
        if (!container)
            return NULL;
        container->ops = ops;
        container->env = env;
        container->router = router;
        container->base = (struct object_info){.flow = info->flow,
                                               .sender = info->sender,
                                               .meta = info->meta,
                                               .parent = router,
                                               .expected_size = OBJECT_SIZE_UNKNOWN,
                                               .tx_id = info->tx_id};
        if (ops->open(container, info))
            return container;
        free(container);
    }
    return NULL;
}
