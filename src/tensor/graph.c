/* The graph: an array of nodes in the order of building, which is the order of execution. */
#include "tensor/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/graph_add.h"

enum { MAX_SCOPE = 16, NAME_BYTES = 256 };

struct scp_graph {
    scp_params *params;
    scp_node **node;
    size_t n, cap;
    char scope[NAME_BYTES];      /* "a/b/" or ""               */
    size_t scope_end[MAX_SCOPE]; /* length before each push    */
    int depth;
    scp_status st;
};

scp_status scp_graph_create(scp_params *params, scp_graph **out)
{
    SCP_ARG(params && out, "parameter store and result are required");
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    (*out)->params = params;
    return SCP_OK;
}

void scp_graph_destroy(scp_graph **g)
{
    if (!g || !*g) return;
    for (size_t i = 0; i < (*g)->n; i++) {
        free((*g)->node[i]->name);
        free((*g)->node[i]);
    }
    free((*g)->node);
    free(*g);
    *g = NULL;
}

scp_status scp_graph_status(const scp_graph *g)
{
    return g->st;
}

void scp_graph_fail(scp_graph *g, scp_status st)
{
    if (g->st == SCP_OK) g->st = st;
}

scp_params *scp_graph_params(const scp_graph *g)
{
    return g->params;
}

size_t scp_graph_size(const scp_graph *g)
{
    return g->n;
}

scp_node *scp_graph_node(const scp_graph *g, size_t i)
{
    return g->node[i];
}

void scp_scope_push(scp_graph *g, const char *fmt, ...)
{
    size_t used = strlen(g->scope), room = sizeof g->scope - used;
    if (g->depth == MAX_SCOPE) {
        scp_graph_fail(g, scp_err_raise(SCP_EINTERNAL, __FILE__, __LINE__, NULL,
                                        "scopes nest deeper than %d", MAX_SCOPE));
        return;
    }
    g->scope_end[g->depth++] = used;
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(g->scope + used, room, fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len + 1 >= room) {
        scp_graph_fail(
            g, scp_err_raise(SCP_EINTERNAL, __FILE__, __LINE__, NULL, "scope name too long"));
        return;
    }
    memcpy(g->scope + used + len, "/", 2);
}

void scp_scope_pop(scp_graph *g)
{
    if (g->depth > 0) g->scope[g->scope_end[--g->depth]] = '\0';
}

scp_status scp_graph_scoped_name(const scp_graph *g, const char *name, char *buf, size_t size)
{
    int len = snprintf(buf, size, "%s%s", g->scope, name);
    if (len < 0 || (size_t)len >= size) SCP_FAIL(SCP_EINTERNAL, "node name too long: %s", name);
    return SCP_OK;
}

scp_node *scp_graph_find_param(const scp_graph *g, size_t index)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->node[i]->op == SCP_OP_PARAM && g->node[i]->param == index) return g->node[i];
    return NULL;
}

/* Does a gradient flow through input i of this op? */
static bool differentiable(const scp_node *n, int i)
{
    switch (n->op) {
    case SCP_OP_GATHER_DIR:
        return false;
    case SCP_OP_GATHER:
        return i == 0;
    case SCP_OP_BATCHNORM:
        return i < 3;
    case SCP_OP_MASK_SELECT:
        return i < 2;
    case SCP_OP_REPARAM:
        return i < 2;
    case SCP_OP_COMBINE_T:
        return i < 2;
    case SCP_OP_INFO_NCE:
        return i < 4;
    case SCP_OP_LOSS_SUM:
        return i < n->n_in - 1;
    default:
        return true;
    }
}

static scp_status check(scp_node *n)
{
    const scp_op_info *info = &scp_op_table[n->op];
    if (n->n_in < info->min_in || n->n_in > info->max_in)
        SCP_FAIL(SCP_EINTERNAL, "%s '%s' takes %d to %d inputs, got %d", info->name, n->name,
                 info->min_in, info->max_in, n->n_in);
    for (int i = 0; i < n->n_in; i++) n->needs_grad |= n->in[i]->needs_grad && differentiable(n, i);
    return info->infer(n);
}

bool scp_node_wants_grad(const scp_node *n, int i)
{
    return n->in[i]->needs_grad && differentiable(n, i);
}

static scp_status append(scp_graph *g, const scp_node *draft, const char *name, scp_node **out)
{
    char full[NAME_BYTES];
    scp_node *n = NULL;
    SCP_TRY(scp_graph_scoped_name(g, name, full, sizeof full));
    SCP_TRY(scp_grow(&g->node, &g->cap, g->n + 1, sizeof *g->node));
    SCP_TRY(scp_alloc(1, sizeof *n, &n));
    *n = *draft;
    g->node[g->n] = n; /* owned by the graph from here on */
    n->id = (int)g->n++;
    SCP_TRY(scp_strdup(full, &n->name));
    SCP_TRY(check(n));
    *out = n;
    return SCP_OK;
}

scp_node *scp_graph_add(scp_graph *g, const scp_node *draft, const char *name)
{
    scp_node *out = NULL;
    if (g->st != SCP_OK) return NULL;
    if (draft->n_in > SCP_MAX_IN) {
        g->st =
            scp_err_raise(SCP_EINTERNAL, __FILE__, __LINE__, NULL, "%s '%s%s': more than %d inputs",
                          scp_op_table[draft->op].name, g->scope, name, SCP_MAX_IN);
        return NULL;
    }
    for (int i = 0; i < draft->n_in; i++)
        if (!draft->in[i]) {
            g->st = scp_err_raise(SCP_EINTERNAL, __FILE__, __LINE__, NULL,
                                  "%s '%s%s': input %d is missing", scp_op_table[draft->op].name,
                                  g->scope, name, i);
            return NULL;
        }
    g->st = append(g, draft, name, &out);
    return g->st == SCP_OK ? out : NULL;
}
