/* An evaluator for the tests of final training in C. It trains a logistic regression of one number. It only counts the
 * nodes of the graph and does not build the network.
 */
#include <math.h>
#include <stdio.h>

#include "nas_evaluator.h"

#define EXAMPLES 40

static const nas_metric_info METRICS[] = {{"val_nodes", "", NAS_LESS, false, "Operators of the network."}};

static const nas_parameter PARAMETERS[] = {
    {"rate", false, 0.001, 100, 1, "The learning rate."},
    {"shift", false, -1, 1, 0, "Where the classes meet; it defines the data."},
};

/* The settings. */
typedef struct {
    double rate, shift;
} logistic;

static nas_answer describe(void) {
    static const char *const recipe[] = {"rate"};
    nas_info info = {"logistic", "1", "Logistic regression of one number.", METRICS, 1, "epochs", false, true,
                     PARAMETERS, 2, true, recipe, 1, NULL, 0};
    nas_writer to = {NULL, 0, 0, false};
    nas_put_info(&to, &info);
    return nas_finish(to);
}

static nas_answer open_logistic(const uint8_t *data, size_t length, void **instance) {
    nas_open open;
    const nas_setting *rate, *shift;
    logistic *made = NULL;
    char digest[32];
    if (nas_read_open(data, length, &open) && (rate = nas_setting_of(&open, "rate")) != NULL &&
        (shift = nas_setting_of(&open, "shift")) != NULL && (made = (logistic *)malloc(sizeof *made)) != NULL) {
        made->rate = rate->number;
        made->shift = shift->number;
    }
    nas_free_open(&open);
    if (made == NULL) {
        return nas_refuse("the settings cannot be read");
    }
    *instance = made;
    static const uint32_t shape[] = {1, 8, 8};
    static const double fidelities[] = {4};
    snprintf(digest, sizeof digest, "%a", made->shift);
    nas_instance_info opened = {fidelities, 1, true, shape, 3, 2, "classification", NULL, 0, "made of numbers", digest};
    nas_writer to = {NULL, 0, 0, false};
    nas_put_instance_info(&to, &opened);
    return nas_finish(to);
}

static nas_answer evaluate(const void *instance, const uint8_t *data, size_t length, const nas_callbacks *callbacks) {
    nas_request request;
    (void)instance;
    (void)callbacks;
    nas_answer answer = nas_refuse("the request cannot be read");
    if (nas_read_request(data, length, &request)) {
        nas_metric metric = {"val_nodes", (double)request.node_count};
        nas_free(answer);
        answer = nas_measured(&metric, 1);
    }
    nas_free_request(&request);
    return answer;
}

static double example(size_t i) {
    return (double)i / (EXAMPLES - 1) * 4 - 2;
}

static double likely(const float *weights, double x) {
    return 1 / (1 + exp(-(weights[0] * x + weights[1])));
}

/* Saves the two weights as safetensors; returns false if they cannot be written. */
static bool save(const char *folder, const float *weights) {
    static const char header[] = "{\"line\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    char path[4096];
    uint8_t size[8] = {(uint8_t)(sizeof header - 1), 0, 0, 0, 0, 0, 0, 0};
    if (snprintf(path, sizeof path, "%s/weights.safetensors", folder) >= (int)sizeof path) {
        return false;
    }
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return false;
    }
    bool written = fwrite(size, 1, 8, file) == 8 && fwrite(header, 1, sizeof header - 1, file) == sizeof header - 1 &&
                   fwrite(weights, sizeof *weights, 2, file) == 2;
    return fclose(file) == 0 && written;
}

static nas_answer fit(const logistic *settings, const nas_train_request *request, const nas_callbacks *callbacks) {
    char folder[4000];
    float weights[2] = {(float)(request->seed % 1000) / 1000, 0};
    double loss = 0;
    for (uint32_t epoch = 1; epoch <= request->epochs; epoch++) {
        double gradient[2] = {0, 0};
        loss = 0;
        /* Every second example is kept for testing. */
        for (size_t i = 0; i < EXAMPLES; i += 2) {
            double x = example(i), truth = x > settings->shift, p = likely(weights, x);
            gradient[0] += (p - truth) * x;
            gradient[1] += p - truth;
            loss -= log(truth > 0 ? p : 1 - p);
        }
        for (size_t j = 0; j < 2; j++) {
            weights[j] -= (float)(settings->rate * gradient[j] / (EXAMPLES / 2));
        }
        loss /= EXAMPLES / 2;
        nas_metric so_far = {"train_loss", loss};
        if (nas_is_stopped(callbacks) || nas_report(callbacks, epoch, &so_far, 1) != NAS_CONTINUE) {
            return nas_stopped();
        }
    }
    uint64_t counts[4] = {0, 0, 0, 0};
    for (size_t i = 1; i < EXAMPLES; i += 2) {
        counts[(example(i) > settings->shift) * 2 + (likely(weights, example(i)) > 0.5)]++;
    }
    snprintf(folder, sizeof folder, "%.*s", (int)request->folder.length, request->folder.data);
    if (!save(folder, weights)) {
        return nas_refuse("the weights cannot be saved");
    }
    static const char *const files[] = {"weights.safetensors"};
    nas_confusion confusion = {2, counts};
    nas_metric metrics[] = {
        {"test_accuracy", (double)(counts[0] + counts[3]) / (EXAMPLES / 2)},
        {"train_loss", loss},
        {"nodes", (double)request->node_count},
    };
    return nas_trained(metrics, 3, &confusion, files, 1);
}

static nas_answer train(const void *instance, const uint8_t *data, size_t length, const nas_callbacks *callbacks) {
    nas_train_request request;
    nas_answer answer;
    answer = nas_read_train_request(data, length, &request) ? fit((const logistic *)instance, &request, callbacks)
                                                            : nas_refuse("the request cannot be read");
    nas_free_train_request(&request);
    return answer;
}

nas_table nas_evaluator_0_3(void) {
#ifdef WITHOUT_TRAIN
    nas_table table = {NAS_ABI_VERSION, describe, open_logistic, evaluate, NULL, free, nas_free};
    (void)train;
#else
    nas_table table = {NAS_ABI_VERSION, describe, open_logistic, evaluate, train, free, nas_free};
#endif
    return table;
}
