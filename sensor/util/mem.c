/* The budget: what each owner holds, against one ceiling. */
#include "mem.h"

bool mem_charge(struct mem *mem, enum mem_owner owner, size_t n)
{
    if (mem->ceiling && (n > mem->ceiling || mem->total > mem->ceiling - n))
        return false;
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
