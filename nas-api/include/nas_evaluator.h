/* The interface for evaluators of `nas` in C or C++: dynamic libraries that export one symbol, `nas_evaluator_0_3`.
 *
 * This header defines the ABI (the structures below, which nas-api/src/native.rs defines in Rust) and the messages:
 * functions that read what the host sends, and write what it expects. Nothing needs to be linked. The guide is
 * docs/guides/write-an-evaluator.md, and docs/examples/wiring.c is an example.
 *
 * A message is a sequence of bytes. An unsigned integer of up to 250 is one byte; otherwise a byte of 251, 252 or 253
 * says that two, four or eight bytes follow, in little-endian order. A signed integer n is encoded as the unsigned
 * integer 2n, or -2n - 1 if it is negative. A double is its eight bytes in little-endian order, and a bool is one byte.
 * A text or list is its length followed by its contents. An option is 0, or 1 followed by the value. An enumeration is
 * the index of the case, followed by its contents. A record is its fields in order.
 *
 * Any thread may call the functions of a library, and several threads call `evaluate` and `train` at the same time. No
 * exception may leave a function.
 */
#ifndef NAS_EVALUATOR_H
#define NAS_EVALUATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The ABI ---- */

#define NAS_ABI_VERSION 4u

enum { NAS_DONE = 0, NAS_REFUSED = 1, NAS_PANICKED = 2 };

/* The result of a call: bytes that the library owns until the host returns them through `free`. */
typedef struct {
    uint32_t status; /* NAS_DONE: the bytes are the encoded result. NAS_REFUSED: the bytes are a text with the reason.
                        NAS_PANICKED: the bytes are the message of a Rust panic. */
    uint8_t *data;
    size_t length;   /* In bytes. */
    size_t capacity; /* The number of bytes that were allocated. */
} nas_answer;

/* How a trial proceeds after it has reported a point of its learning curve. */
enum {
    NAS_CONTINUE = 0,   /* The trial continues. */
    NAS_ENDED = 1,   /* A pruner has ended the trial. Its learning curve is its result. */
    NAS_STOPPING = 2 /* The study is stopping. */
};

/* The host's side of a measurement or a final training. Any thread may call these functions until `evaluate` or `train`
 * returns. Use nas_is_stopped, nas_report and nas_notice, which call them. */
typedef struct {
    const void *context;
    bool (*stopped)(const void *context);
    uint32_t (*report)(const void *context, const uint8_t *data, size_t length);
    void (*notice)(const void *context, const uint8_t *data, size_t length);
} nas_callbacks;

/* The functions of a library. */
typedef struct {
    uint32_t abi_version; /* NAS_ABI_VERSION */
    /* Returns the description of the evaluator: an encoded nas_info. */
    nas_answer (*describe)(void);
    /* Takes an encoded nas_open, sets the instance and returns an encoded nas_instance_info. */
    nas_answer (*open)(const uint8_t *data, size_t length, void **instance);
    /* Takes an encoded nas_request. Returns nas_measured or nas_failed, or nas_stopped if a callback demanded it. */
    nas_answer (*evaluate)(const void *instance, const uint8_t *data, size_t length, const nas_callbacks *callbacks);
    /* Takes an encoded nas_train_request. Returns nas_trained or nas_refuse, or nas_stopped if a callback demanded it.
     * NULL if the evaluator has no final training. */
    nas_answer (*train)(const void *instance, const uint8_t *data, size_t length, const nas_callbacks *callbacks);
    /* Destroys an instance. */
    void (*close)(void *instance);
    /* Frees an answer: nas_free. */
    void (*free)(nas_answer answer);
} nas_table;

#if defined(_WIN32)
#define NAS_EXPORT __declspec(dllexport)
#else
#define NAS_EXPORT __attribute__((visibility("default")))
#endif

/* The symbol that a library exports. */
NAS_EXPORT nas_table nas_evaluator_0_3(void);

/* ---- Writing ---- */

/* A message that is being written. */
typedef struct {
    uint8_t *data;
    size_t length;
    size_t capacity;
    bool failed; /* Whether memory ran out. */
} nas_writer;

static inline void nas_put_bytes(nas_writer *to, const void *bytes, size_t count) {
    if (count > to->capacity - to->length) {
        size_t capacity = to->capacity < 64 ? 64 : to->capacity;
        while (capacity - to->length < count) {
            if (capacity > SIZE_MAX / 2) {
                to->failed = true;
                return;
            }
            capacity *= 2;
        }
        uint8_t *data = (uint8_t *)realloc(to->data, capacity);
        if (data == NULL) {
            to->failed = true;
            return;
        }
        to->data = data;
        to->capacity = capacity;
    }
    if (count > 0) {
        memcpy(to->data + to->length, bytes, count);
        to->length += count;
    }
}

static inline void nas_put_truth(nas_writer *to, bool value) {
    uint8_t byte = value ? 1 : 0;
    nas_put_bytes(to, &byte, 1);
}

/* Writes an unsigned integer: a number, a length, or the index of a case. */
static inline void nas_put_count(nas_writer *to, uint64_t value) {
    uint8_t bytes[9];
    size_t follow = value < 251 ? 0 : value <= UINT16_MAX ? 2 : value <= UINT32_MAX ? 4 : 8;
    bytes[0] = follow == 0 ? (uint8_t)value : follow == 2 ? 251 : follow == 4 ? 252 : 253;
    for (size_t i = 0; i < follow; i++) {
        bytes[1 + i] = (uint8_t)(value >> (8 * i));
    }
    nas_put_bytes(to, bytes, 1 + follow);
}

static inline void nas_put_number(nas_writer *to, double value) {
    uint64_t bits;
    uint8_t bytes[8];
    memcpy(&bits, &value, sizeof bits);
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(bits >> (8 * i));
    }
    nas_put_bytes(to, bytes, 8);
}

static inline void nas_put_text(nas_writer *to, const char *text) {
    size_t length = strlen(text);
    nas_put_count(to, length);
    nas_put_bytes(to, text, length);
}

static inline void nas_free(nas_answer answer) {
    free(answer.data);
}

/* Returns the answer that the call failed, with the reason. */
static inline nas_answer nas_refuse(const char *why) {
    nas_writer reason = {NULL, 0, 0, false};
    nas_put_bytes(&reason, why, strlen(why));
    nas_answer answer = {NAS_REFUSED, reason.data, reason.length, reason.capacity};
    return answer;
}

/* Returns the answer that was written. */
static inline nas_answer nas_finish(nas_writer written) {
    if (written.failed) {
        free(written.data);
        return nas_refuse("out of memory");
    }
    nas_answer answer = {NAS_DONE, written.data, written.length, written.capacity};
    return answer;
}

/* ---- Reading ---- */

/* A message that is being read. */
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    bool failed; /* Whether the bytes are not such a message. Everything that is read afterwards is 0. */
} nas_reader;

/* A text in a message. It is not terminated by 0, and is valid as long as the message. */
typedef struct {
    const char *data;
    size_t length;
} nas_text;

static inline bool nas_text_is(nas_text text, const char *other) {
    return text.length == strlen(other) && (text.length == 0 || memcmp(text.data, other, text.length) == 0);
}

static inline const uint8_t *nas_get_bytes(nas_reader *from, uint64_t count) {
    if (from->failed || count > (uint64_t)(from->end - from->at)) {
        from->failed = true;
        return NULL;
    }
    const uint8_t *bytes = from->at;
    from->at += count;
    return bytes;
}

/* Reads an unsigned integer of `count` bytes in little-endian order. */
static inline uint64_t nas_get_least_first(nas_reader *from, size_t count) {
    const uint8_t *bytes = nas_get_bytes(from, count);
    uint64_t value = 0;
    for (size_t i = 0; bytes != NULL && i < count; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static inline uint64_t nas_get_count(nas_reader *from) {
    uint64_t first = nas_get_least_first(from, 1);
    switch (first) {
    case 251: return nas_get_least_first(from, 2);
    case 252: return nas_get_least_first(from, 4);
    case 253: return nas_get_least_first(from, 8);
    case 254:
    case 255: from->failed = true; return 0;
    default: return first;
    }
}

static inline int64_t nas_get_integer(nas_reader *from) {
    uint64_t value = nas_get_count(from);
    return (value & 1) == 0 ? (int64_t)(value >> 1) : -(int64_t)(value >> 1) - 1;
}

static inline bool nas_get_truth(nas_reader *from) {
    return nas_get_least_first(from, 1) == 1;
}

static inline double nas_get_number(nas_reader *from) {
    uint64_t bits = nas_get_least_first(from, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline nas_text nas_get_text(nas_reader *from) {
    nas_text text = {"", 0};
    uint64_t length = nas_get_count(from);
    const uint8_t *bytes = nas_get_bytes(from, length);
    if (bytes != NULL) {
        text.data = (const char *)bytes;
        text.length = (size_t)length;
    }
    return text;
}

/* Allocates a list. A length that exceeds the rest of the message is refused before anything is allocated. */
static inline void *nas_get_list(nas_reader *from, size_t size, size_t *count) {
    uint64_t length = nas_get_count(from);
    *count = 0;
    if (from->failed || length > (uint64_t)(from->end - from->at)) {
        from->failed = true;
        return NULL;
    }
    void *list = calloc(length == 0 ? 1 : (size_t)length, size);
    if (list == NULL) {
        from->failed = true;
        return NULL;
    }
    *count = (size_t)length;
    return list;
}

/* ---- What the host sends ---- */

typedef enum { NAS_TRUTH, NAS_NUMBER, NAS_TEXT, NAS_NUMBERS, NAS_TEXTS } nas_value_kind;

/* A parameter that is set to a value. The host sends one for every declared parameter, checked. */
typedef struct {
    nas_text name;
    nas_value_kind kind;
    bool truth;
    double number;
    nas_text text;
    double *numbers;
    nas_text *texts;
    size_t count; /* The number of numbers or texts. */
} nas_setting;

/* The argument of `open`. */
typedef struct {
    nas_setting *settings;
    size_t count;
    bool has_state;
    nas_text checkpoints; /* The study's folder for checkpoints, which need not exist yet. */
} nas_open;

typedef enum {
    NAS_ATTRIBUTE_INT,
    NAS_ATTRIBUTE_INTS,
    NAS_ATTRIBUTE_FLOAT,
    NAS_ATTRIBUTE_FLOATS,
    NAS_ATTRIBUTE_TEXT
} nas_attribute_kind;

/* An attribute of a node. */
typedef struct {
    nas_text name;
    nas_attribute_kind kind;
    int64_t integer;
    double number;
    nas_text text;
    int64_t *integers;
    double *numbers;
    size_t count; /* The number of integers or numbers. */
} nas_attribute;

/* One operator of a graph. nas-api/src/graph/mod.rs lists the operators and their attributes. */
typedef struct {
    nas_text name;
    nas_text op;
    uint32_t *inputs; /* The positions of earlier nodes. nas_read_request has checked that they are. */
    size_t input_count;
    nas_attribute *attributes;
    size_t attribute_count;
} nas_node;

/* The request to measure one candidate. */
typedef struct {
    uint32_t trial;
    uint32_t *genotype;
    size_t genotype_length;
    nas_text key;  /* The canonical identity: equal keys build the same graph. */
    nas_text text; /* The text form of the space. */
    nas_node *nodes; /* In topological order; none if nas_info says that no graphs are needed. */
    size_t node_count;
    uint32_t *outputs; /* The positions of the nodes whose values the network returns. */
    size_t output_count;
    bool has_fidelity;
    double fidelity;
    bool has_resume;
    uint32_t resume; /* The trial whose checkpoint this one continues from. */
    bool keep_checkpoint;  /* Whether to keep a checkpoint, because a later trial may continue from it. */
    uint32_t seed;   /* The only source of randomness. */
    bool prunable;     /* Whether a pruner judges the trial. If so, report all metrics that nas_instance_info declares. */
} nas_request;

static inline uint32_t *nas_get_u32s(nas_reader *from, size_t *count) {
    uint32_t *list = (uint32_t *)nas_get_list(from, sizeof(uint32_t), count);
    for (size_t i = 0; i < *count; i++) {
        list[i] = (uint32_t)nas_get_count(from);
    }
    return list;
}

static inline double *nas_get_numbers(nas_reader *from, size_t *count) {
    double *list = (double *)nas_get_list(from, sizeof(double), count);
    for (size_t i = 0; i < *count; i++) {
        list[i] = nas_get_number(from);
    }
    return list;
}

static inline void nas_free_open(nas_open *open) {
    for (size_t i = 0; i < open->count; i++) {
        free(open->settings[i].numbers);
        free(open->settings[i].texts);
    }
    free(open->settings);
    memset(open, 0, sizeof *open);
}

/* Reads the argument of `open`. Returns false if the message is not valid. Free the result either way. */
static inline bool nas_read_open(const uint8_t *data, size_t length, nas_open *open) {
    nas_reader from = {data, data + length, false};
    memset(open, 0, sizeof *open);
    open->settings = (nas_setting *)nas_get_list(&from, sizeof(nas_setting), &open->count);
    for (size_t i = 0; i < open->count; i++) {
        nas_setting *setting = &open->settings[i];
        setting->name = nas_get_text(&from);
        uint64_t kind = nas_get_count(&from);
        setting->kind = kind <= NAS_TEXTS ? (nas_value_kind)kind : NAS_TRUTH;
        switch (kind) {
        case NAS_TRUTH: setting->truth = nas_get_truth(&from); break;
        case NAS_NUMBER: setting->number = nas_get_number(&from); break;
        case NAS_TEXT: setting->text = nas_get_text(&from); break;
        case NAS_NUMBERS: setting->numbers = nas_get_numbers(&from, &setting->count); break;
        case NAS_TEXTS:
            setting->texts = (nas_text *)nas_get_list(&from, sizeof(nas_text), &setting->count);
            for (size_t j = 0; j < setting->count; j++) {
                setting->texts[j] = nas_get_text(&from);
            }
            break;
        default: from.failed = true;
        }
    }
    open->has_state = nas_get_truth(&from);
    if (open->has_state) {
        open->checkpoints = nas_get_text(&from);
    }
    return !from.failed && from.at == from.end;
}

/* Returns the setting of a declared parameter, or NULL if there is none with this name. */
static inline const nas_setting *nas_setting_of(const nas_open *open, const char *name) {
    for (size_t i = 0; i < open->count; i++) {
        if (nas_text_is(open->settings[i].name, name)) {
            return &open->settings[i];
        }
    }
    return NULL;
}

static inline void nas_free_nodes(nas_node *nodes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < nodes[i].attribute_count; j++) {
            free(nodes[i].attributes[j].integers);
            free(nodes[i].attributes[j].numbers);
        }
        free(nodes[i].attributes);
        free(nodes[i].inputs);
    }
    free(nodes);
}

static inline void nas_free_request(nas_request *request) {
    nas_free_nodes(request->nodes, request->node_count);
    free(request->genotype);
    free(request->outputs);
    memset(request, 0, sizeof *request);
}

static inline void nas_get_attribute(nas_reader *from, nas_attribute *attribute) {
    attribute->name = nas_get_text(from);
    uint64_t kind = nas_get_count(from);
    attribute->kind = kind <= NAS_ATTRIBUTE_TEXT ? (nas_attribute_kind)kind : NAS_ATTRIBUTE_INT;
    switch (kind) {
    case NAS_ATTRIBUTE_INT: attribute->integer = nas_get_integer(from); break;
    case NAS_ATTRIBUTE_INTS:
        attribute->integers = (int64_t *)nas_get_list(from, sizeof(int64_t), &attribute->count);
        for (size_t i = 0; i < attribute->count; i++) {
            attribute->integers[i] = nas_get_integer(from);
        }
        break;
    case NAS_ATTRIBUTE_FLOAT: attribute->number = nas_get_number(from); break;
    case NAS_ATTRIBUTE_FLOATS: attribute->numbers = nas_get_numbers(from, &attribute->count); break;
    case NAS_ATTRIBUTE_TEXT: attribute->text = nas_get_text(from); break;
    default: from->failed = true;
    }
}

static inline nas_node *nas_get_nodes(nas_reader *from, size_t *count) {
    nas_node *nodes = (nas_node *)nas_get_list(from, sizeof(nas_node), count);
    for (size_t i = 0; i < *count; i++) {
        nas_node *node = &nodes[i];
        node->name = nas_get_text(from);
        node->op = nas_get_text(from);
        node->inputs = nas_get_u32s(from, &node->input_count);
        for (size_t j = 0; j < node->input_count; j++) {
            from->failed = from->failed || node->inputs[j] >= i;
        }
        node->attributes = (nas_attribute *)nas_get_list(from, sizeof(nas_attribute), &node->attribute_count);
        for (size_t j = 0; j < node->attribute_count; j++) {
            nas_get_attribute(from, &node->attributes[j]);
        }
    }
    return nodes;
}

/* Reads the outputs of a graph, and checks that each is below the number of nodes. */
static inline uint32_t *nas_get_outputs(nas_reader *from, size_t nodes, size_t *count) {
    uint32_t *outputs = nas_get_u32s(from, count);
    for (size_t i = 0; i < *count; i++) {
        from->failed = from->failed || outputs[i] >= nodes;
    }
    return outputs;
}

/* Reads the argument of `evaluate`. Returns false if the message is not valid or the candidate is relaxed, which only
 * an evaluator of supernets receives. Free the result either way. */
static inline bool nas_read_request(const uint8_t *data, size_t length, nas_request *request) {
    nas_reader from = {data, data + length, false};
    memset(request, 0, sizeof *request);
    request->trial = (uint32_t)nas_get_count(&from);
    if (nas_get_count(&from) != 0) {
        return false;
    }
    request->genotype = nas_get_u32s(&from, &request->genotype_length);
    request->key = nas_get_text(&from);
    request->text = nas_get_text(&from);
    request->nodes = nas_get_nodes(&from, &request->node_count);
    request->outputs = nas_get_outputs(&from, request->node_count, &request->output_count);
    request->has_fidelity = nas_get_truth(&from);
    request->fidelity = request->has_fidelity ? nas_get_number(&from) : 0;
    request->has_resume = nas_get_truth(&from);
    request->resume = request->has_resume ? (uint32_t)nas_get_count(&from) : 0;
    request->keep_checkpoint = nas_get_truth(&from);
    request->seed = (uint32_t)nas_get_count(&from);
    request->prunable = nas_get_truth(&from);
    return !from.failed && from.at == from.end;
}

/* The request for one final training: from scratch, on training and validation data, then tested on test data. */
typedef struct {
    nas_node *nodes; /* In topological order. */
    size_t node_count;
    uint32_t *outputs;
    size_t output_count;
    uint32_t epochs; /* The length of the training, in the unit of fidelity. */
    uint32_t seed;   /* The only source of randomness. */
    nas_text folder; /* The absolute path of an existing folder, for the files of the training. */
} nas_train_request;

static inline void nas_free_train_request(nas_train_request *request) {
    nas_free_nodes(request->nodes, request->node_count);
    free(request->outputs);
    memset(request, 0, sizeof *request);
}

/* Reads the argument of `train`. Returns false if the message is not valid. Free the result either way. */
static inline bool nas_read_train_request(const uint8_t *data, size_t length, nas_train_request *request) {
    nas_reader from = {data, data + length, false};
    memset(request, 0, sizeof *request);
    request->nodes = nas_get_nodes(&from, &request->node_count);
    request->outputs = nas_get_outputs(&from, request->node_count, &request->output_count);
    request->epochs = (uint32_t)nas_get_count(&from);
    request->seed = (uint32_t)nas_get_count(&from);
    request->folder = nas_get_text(&from);
    return !from.failed && from.at == from.end;
}

/* ---- What the host expects ---- */

typedef enum { NAS_NEITHER, NAS_LESS, NAS_MORE } nas_better;

/* The declaration of one metric. */
typedef struct {
    const char *name;        /* Snake case. */
    const char *unit;        /* "s", "bytes"; "" for a dimensionless number. */
    nas_better better;       /* The direction in which the metric gets better, if it has one. */
    bool hidden;             /* Whether it is for reports only and never told to a strategy. */
    const char *description; /* One sentence. */
} nas_metric_info;

/* The declaration of a parameter that is a number. The header supports no safe; write them as nas_put_info does. */
typedef struct {
    const char *name;
    bool whole;                       /* Whether it must be a whole number. */
    double least, greatest, standard; /* The minimum, the maximum, and the default. */
    const char *description;
} nas_parameter;

/* The description of an evaluator. */
typedef struct {
    const char *name; /* Kebab case. */
    const char *version;
    const char *description;
    const nas_metric_info *metrics;
    size_t metric_count;
    const char *fidelity_unit; /* "epochs"; "" if the evaluator has no fidelities. */
    bool resumes;              /* Whether a trial can continue from the checkpoint of an earlier one. */
    bool graphs;               /* Whether it needs the graphs of the candidates. */
    const nas_parameter *parameters;
    size_t parameter_count;
    bool trains; /* Whether it has final training: nas_table has `train`. */
    /* The names of the parameters that say how networks are trained. They may differ from the study's in final
     * training, where another recipe replaces all of them. */
    const char *const *recipe;
    size_t recipe_count;
    /* The names of further parameters that may differ in final training, because they cannot leak test examples into
     * training, such as the device or the number of examples. */
    const char *const *safe;
    size_t safe_count;
} nas_info;

static inline void nas_put_texts(nas_writer *to, const char *const *texts, size_t count) {
    nas_put_count(to, count);
    for (size_t i = 0; i < count; i++) {
        nas_put_text(to, texts[i]);
    }
}

static inline void nas_put_info(nas_writer *to, const nas_info *info) {
    nas_put_text(to, info->name);
    nas_put_text(to, info->version);
    nas_put_text(to, info->description);
    nas_put_count(to, info->metric_count);
    for (size_t i = 0; i < info->metric_count; i++) {
        const nas_metric_info *metric = &info->metrics[i];
        nas_put_text(to, metric->name);
        nas_put_text(to, metric->unit);
        nas_put_truth(to, metric->better != NAS_NEITHER);
        if (metric->better != NAS_NEITHER) {
            nas_put_count(to, metric->better == NAS_LESS ? 0 : 1);
        }
        nas_put_truth(to, metric->hidden);
        nas_put_text(to, metric->description);
    }
    nas_put_text(to, info->fidelity_unit);
    nas_put_truth(to, false); /* It does not accept relaxed candidates. */
    nas_put_truth(to, info->resumes);
    nas_put_truth(to, info->graphs);
    nas_put_count(to, info->parameter_count);
    for (size_t i = 0; i < info->parameter_count; i++) {
        const nas_parameter *parameter = &info->parameters[i];
        nas_put_text(to, parameter->name);
        nas_put_count(to, parameter->whole ? 1 : 2);
        nas_put_number(to, parameter->least);
        nas_put_number(to, parameter->greatest);
        nas_put_count(to, NAS_NUMBER);
        nas_put_number(to, parameter->standard);
        nas_put_count(to, 0); /* It has no role. */
        nas_put_text(to, parameter->description);
    }
    nas_put_truth(to, info->trains);
    if (info->trains) {
        nas_put_texts(to, info->recipe, info->recipe_count);
        nas_put_texts(to, info->safe, info->safe_count);
        nas_put_count(to, 0); /* No parameter is without effect. */
    }
}

/* What `open` fixes for the whole study. */
typedef struct {
    const double *fidelities; /* Ascending; the last one is the default. */
    size_t fidelity_count;
    bool has_task; /* Whether the next four fields give the task of the networks; otherwise any task will do. */
    const uint32_t *input_shape; /* The shape of one example, without the batch. */
    size_t rank;                 /* The number of axes of the shape. */
    uint32_t outputs;            /* The number of classes or of regressed values. */
    const char *kind;            /* "classification", "regression", "language". */
    const char *const *reports;  /* The metrics that a prunable trial reports by nas_report. */
    size_t report_count;
    /* The name and location of the data, and a digest that other data do not have (such as a checksum), so that a study
     * is not continued on other data. NULL if the evaluator reads no data or cannot identify them. */
    const char *data_source;
    const char *data_digest;
} nas_instance_info;

static inline void nas_put_instance_info(nas_writer *to, const nas_instance_info *opened) {
    nas_put_count(to, opened->fidelity_count);
    for (size_t i = 0; i < opened->fidelity_count; i++) {
        nas_put_number(to, opened->fidelities[i]);
    }
    nas_put_truth(to, opened->has_task);
    if (opened->has_task) {
        nas_put_count(to, opened->rank);
        for (size_t i = 0; i < opened->rank; i++) {
            nas_put_count(to, 2 * (uint64_t)opened->input_shape[i]); /* Signed. */
        }
        nas_put_count(to, opened->outputs);
        nas_put_text(to, opened->kind);
        nas_put_count(to, 0); /* The host adds the settings of the task. */
    }
    nas_put_count(to, 0);     /* There are no metrics in addition to those of nas_info. */
    nas_put_truth(to, false); /* Any space will do, */
    nas_put_count(to, 0);     /* with any settings. */
    nas_put_count(to, 0);     /* If the user names no objective, it is the first metric with a direction. */
    nas_put_truth(to, false); /* Seconds are not simulated. */
    nas_put_count(to, 0);     /* No best values are known. */
    nas_put_texts(to, opened->reports, opened->report_count);
    bool has_data = opened->data_source != NULL && opened->data_digest != NULL;
    nas_put_truth(to, has_data);
    if (has_data) {
        nas_put_text(to, opened->data_source);
        nas_put_text(to, opened->data_digest);
    }
}

typedef struct {
    const char *name;
    double value;
} nas_metric;

static inline void nas_put_metrics(nas_writer *to, const nas_metric *metrics, size_t count) {
    nas_put_count(to, count);
    for (size_t i = 0; i < count; i++) {
        nas_put_text(to, metrics[i].name);
        nas_put_number(to, metrics[i].value);
    }
}

/* Returns true if the result is no longer wanted. Call this between the steps of a long measurement, and if it returns
 * true, return nas_stopped(). */
static inline bool nas_is_stopped(const nas_callbacks *callbacks) {
    return callbacks->stopped(callbacks->context);
}

/* Reports a point of the learning curve: the fidelity that has been spent so far, and the metrics that are known. Call
 * this after every epoch, or whatever step the fidelities count. If the result is not NAS_CONTINUE, return nas_stopped().
 * A trial that is retried reports its whole curve again. */
static inline uint32_t nas_report(const nas_callbacks *callbacks, double fidelity, const nas_metric *metrics,
                                  size_t count) {
    nas_writer to = {NULL, 0, 0, false};
    nas_put_number(&to, fidelity);
    nas_put_metrics(&to, metrics, count);
    /* If memory ran out, no bytes are sent, and the host ends the study with an error. */
    uint32_t verdict = callbacks->report(callbacks->context, to.data, to.failed ? 0 : to.length);
    free(to.data);
    return verdict;
}

/* Shows one line to the user. */
static inline void nas_notice(const nas_callbacks *callbacks, const char *line) {
    callbacks->notice(callbacks->context, (const uint8_t *)line, strlen(line));
}

/* Returns the answer that a candidate was measured, with its metrics. */
static inline nas_answer nas_measured(const nas_metric *metrics, size_t count) {
    nas_writer to = {NULL, 0, 0, false};
    nas_put_truth(&to, true);
    nas_put_metrics(&to, metrics, count);
    nas_put_truth(&to, false); /* There is no failure, */
    nas_put_truth(&to, false); /* no gradient, */
    nas_put_truth(&to, false); /* and no simulated cost. */
    return nas_finish(to);
}

/* Returns the answer that a candidate cannot be measured, with the reason, which becomes part of the record. The search
 * continues. */
static inline nas_answer nas_failed(const char *why) {
    nas_writer to = {NULL, 0, 0, false};
    nas_put_truth(&to, true);
    nas_put_count(&to, 0);
    nas_put_truth(&to, true);
    nas_put_text(&to, why);
    nas_put_number(&to, 0); /* No constraint is broken. */
    nas_put_truth(&to, false);
    nas_put_truth(&to, false);
    return nas_finish(to);
}

/* The confusion matrix of the test examples. */
typedef struct {
    size_t classes;
    const uint64_t *counts; /* classes * classes numbers: counts[truth * classes + prediction]. */
} nas_confusion;

/* Returns the result of a final training: metrics on the test examples and of the training itself; the confusion
 * matrix, or NULL if the task has no classes; and the names of the files that the training wrote into the folder.
 * Weights in the safetensors format are called "weights.safetensors"; "network.json" and "metrics.json" belong to the
 * host. */
static inline nas_answer nas_trained(const nas_metric *metrics, size_t count, const nas_confusion *confusion,
                                     const char *const *files, size_t file_count) {
    nas_writer to = {NULL, 0, 0, false};
    nas_put_truth(&to, true);
    nas_put_metrics(&to, metrics, count);
    nas_put_truth(&to, confusion != NULL);
    if (confusion != NULL) {
        size_t classes = confusion->classes, pairs = 0;
        nas_put_count(&to, classes);
        for (size_t truth = 0; truth < classes; truth++) {
            uint64_t examples = 0;
            for (size_t found = 0; found < classes; found++) {
                examples += confusion->counts[truth * classes + found];
                pairs += confusion->counts[truth * classes + found] > 0;
            }
            nas_put_count(&to, examples);
        }
        nas_put_count(&to, pairs);
        for (size_t i = 0; i < classes * classes; i++) {
            if (confusion->counts[i] > 0) {
                nas_put_count(&to, i / classes);
                nas_put_count(&to, i % classes);
                nas_put_count(&to, confusion->counts[i]);
            }
        }
    }
    nas_put_texts(&to, files, file_count);
    return nas_finish(to);
}

/* Returns the answer that the call stopped early because nas_is_stopped or nas_report demanded it. */
static inline nas_answer nas_stopped(void) {
    nas_writer to = {NULL, 0, 0, false};
    nas_put_truth(&to, false);
    return nas_finish(to);
}

#ifdef __cplusplus
}
#endif

#endif
