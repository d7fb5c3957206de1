/* The budget: what each owner holds, against one ceiling. */
#include "mem.h"

static bool fits(const struct mem *mem, enum mem_owner owner, size_t n)
{
    bool entitled = (owner == MEM_OBJECT || owner == MEM_SCAN) && n <= MEM_SMALL;
    size_t limit = mem->ceiling - (entitled ? 0 : mem->reserve), taken = mem->total + mem->cached;
    return n <= limit && taken <= limit - n;
}

bool mem_charge(struct mem *mem, enum mem_owner owner, size_t n)
{
    if (mem->ceiling && !fits(mem, owner, n)) {
        buffer_heaps_trim(mem);
        pools_trim(mem);
        if (!fits(mem, owner, n))
            return false;
    }
    mem->total += n;
    mem->used[owner] += n;
    if (mem->total > mem->peak)
        mem->peak = mem->total;
    return true;
}

void mem_release(struct mem *mem, enum mem_owner owner, size_t n)
{
    mem->total -= n;
    mem->used[owner] -= n;
}
