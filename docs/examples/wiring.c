/* The evaluator `wiring`: how the operators of a network are connected. Nothing is trained.
 *
 *     cc -shared -fPIC -O2 -I nas-api/include -o libwiring.so docs/examples/wiring.c
 *     nas search --space nas-bench-201 --strategy random-search --evaluator ./libwiring.so --trials 20
 *
 * How deep and how wide cells are wired is what cell-based searches are biased by: Y. Shu, W. Wang and S. Cai, "Understanding
 * Architectures Learnt by Cell-based Neural Architecture Search", ICLR 2020.
 */
#include "nas_evaluator.h"

static const nas_metric_info METRICS[] = {
    {"longest_path", "", NAS_LESS, false, "Connections on the longest way from the input to any operator."},
    {"nodes", "", NAS_NEITHER, false, "Operators, the input among them."},
    {"edges", "", NAS_NEITHER, false, "Connections between operators."},
    {"joins", "", NAS_NEITHER, false, "Operators that read more values than `fan_in`."},
};

static const nas_parameter PARAMETERS[] = {
    {"fan_in", true, 1, 1000, 1, "Values that an operator may read without being a join."},
    {"side", true, 1, 4096, 32, "Height and width of the images that networks are built for."},
};

/* What the settings say. */
typedef struct {
    size_t fan_in;
} wiring;

static nas_answer describe(void) {
    nas_info info = {"wiring", "1", "How the operators of a network are connected.", METRICS, 4, "", false, true, PARAMETERS, 2,
                     false, NULL, 0, NULL, 0}; /* There is nothing to train in full. */
    nas_writer to = {NULL, 0, 0, false};
    nas_put_info(&to, &info);
    return nas_finish(to);
}

static nas_answer open_wiring(const uint8_t *data, size_t length, void **instance) {
    nas_open open;
    const nas_setting *fan_in, *side;
    wiring *made = NULL;
    uint32_t shape[3] = {3, 0, 0};
    if (nas_read_open(data, length, &open) && (fan_in = nas_setting_of(&open, "fan_in")) != NULL &&
        (side = nas_setting_of(&open, "side")) != NULL && (made = (wiring *)malloc(sizeof *made)) != NULL) {
        made->fan_in = (size_t)fan_in->number;
        shape[1] = shape[2] = (uint32_t)side->number;
    }
    nas_free_open(&open);
    if (made == NULL) {
        return nas_refuse("the settings cannot be read");
    }
    *instance = made;
    static const char *const reports[] = {"longest_path"};
    nas_instance_info opened = {NULL, 0, true, shape, 3, 10, "classification", reports, 1, NULL, NULL};
    nas_writer to = {NULL, 0, 0, false};
    nas_put_instance_info(&to, &opened);
    return nas_finish(to);
}

static nas_answer measure(const wiring *settings, const nas_request *request, const nas_callbacks *callbacks) {
    size_t *depths = (size_t *)calloc(request->node_count + 1, sizeof *depths);
    size_t longest = 0, edges = 0, joins = 0;
    if (depths == NULL) {
        return nas_refuse("out of memory");
    }
    for (size_t i = 0; i < request->node_count; i++) {
        const nas_node *node = &request->nodes[i];
        for (size_t j = 0; j < node->input_count; j++) {
            size_t through = depths[node->inputs[j]] + 1;
            depths[i] = through > depths[i] ? through : depths[i];
        }
        edges += node->input_count;
        joins += node->input_count > settings->fan_in;
        longest = depths[i] > longest ? depths[i] : longest;
        /* A path does not get shorter: what is long already can be ended by a pruner (--pruner threshold). */
        nas_metric so_far = {"longest_path", (double)longest};
        if (nas_report(callbacks, (double)(i + 1), &so_far, 1) != NAS_CONTINUE) {
            free(depths);
            return nas_stopped();
        }
    }
    free(depths);
    nas_metric metrics[] = {
        {"longest_path", (double)longest},
        {"nodes", (double)request->node_count},
        {"edges", (double)edges},
        {"joins", (double)joins},
    };
    return nas_measured(metrics, 4);
}

static nas_answer evaluate(const void *instance, const uint8_t *data, size_t length, const nas_callbacks *callbacks) {
    nas_request request;
    nas_answer answer;
    answer = nas_read_request(data, length, &request) ? measure((const wiring *)instance, &request, callbacks)
                                                      : nas_refuse("the request cannot be read");
    nas_free_request(&request);
    return answer;
}

nas_table nas_evaluator_0_3(void) {
    nas_table table = {NAS_ABI_VERSION, describe, open_wiring, evaluate, NULL, free, nas_free};
    return table;
}
