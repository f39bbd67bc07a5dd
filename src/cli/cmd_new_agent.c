// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "agents/agent_manifest.h"
#include "cli/commands.h"
#include "cli/skeleton.h"
#include "model/train.h"

/* Made from helpers/: what an agent's folder is given a copy of. */
extern const char PY_EBB_AGENT[], H_EBB_AGENT[];

#define HEAD                                                                                       \
    SKELETON_SCHEMA_LINE SKELETON_AGENT_SCHEMA "\n"                                                \
                                               "ebb: 1\n"                                          \
                                               "agent: @NAME@\n"                                   \
                                               "version: 1.0.0\n"

#define TEXT_IN                                                                                    \
    "inputs:\n"                                                                                    \
    "  text: { type: string }\n"

#define WORDS_OUT                                                                                  \
    "outputs:\n"                                                                                   \
    "  words: { type: integer, min: 0 }\n"

#define WORDS_MANIFEST(command, protocol)                                                          \
    HEAD "summary: Counts the words of a text. Put your own work in its place.\n"                  \
         "kind: process\n"                                                                         \
         "command: " command "\n"                                                                  \
         "protocol: " protocol "\n" TEXT_IN WORDS_OUT "limits: { memory: 256MiB }\n"
#define LINES     "lines # one JSON object in, one out, a line each"
#define MESSAGES  "messages # several requests at once, with numbers and deadlines"
#define C_COMMAND "[sh, build.sh, agent.c, ebb_agent.h]"

static const char PYTHON_MANIFEST[] = WORDS_MANIFEST("[python3, agent.py]", LINES);
static const char MESSAGES_MANIFEST[] = WORDS_MANIFEST("[python3, agent.py]", MESSAGES);
static const char C_LINES_MANIFEST[] = WORDS_MANIFEST(C_COMMAND, LINES);
static const char C_MESSAGES_MANIFEST[] = WORDS_MANIFEST(C_COMMAND, MESSAGES);

static const char PYTHON_PROGRAM[] =
    "\"\"\"@NAME@: a line of JSON in, a line of JSON out; what it says on standard error is "
    "logged.\"\"\"\n"
    "import json\n"
    "import sys\n"
    "\n"
    "\n"
    "def answer(inputs):\n"
    "    \"\"\"The outputs that agent.yaml names, from the inputs that it names.\"\"\"\n"
    "    return {\"words\": len(inputs[\"text\"].split())}\n"
    "\n"
    "\n"
    "for line in sys.stdin:\n"
    "    print(json.dumps(answer(json.loads(line))), flush=True)\n";

static const char SHELL_MANIFEST[] =
    HEAD "summary: Says how long its input is. Put your own work in its place.\n"
         "kind: process\n"
         "command: [sh, agent.sh]\n"
         "protocol: lines # one JSON object in, one out, a line each\n" TEXT_IN "outputs:\n"
         "  length: { type: integer, min: 0 }\n"
         "limits: { memory: 64MiB }\n";

static const char SHELL_PROGRAM[] =
    "#!/bin/sh\n"
    "# @NAME@: a line of JSON in, a line of JSON out; what it says on standard error is logged.\n"
    "# Where jq is installed, `printf '%s' \"$line\" | jq -r .text` takes a field out of the "
    "line.\n"
    "while IFS= read -r line; do\n"
    "    printf '{\"length\":%d}\\n' \"${#line}\"\n"
    "done\n";

static const char MESSAGES_PROGRAM[] =
    "\"\"\"@NAME@: ebb_agent.py beside it speaks with ebb; what is printed is logged.\"\"\"\n"
    "import ebb_agent\n"
    "\n"
    "\n"
    "@ebb_agent.agent\n"
    "def answer(inputs, call):\n"
    "    \"\"\"The outputs that agent.yaml names, from the inputs that it names.\"\"\"\n"
    "    return {\"words\": len(inputs[\"text\"].split())}\n"
    "\n"
    "\n"
    "ebb_agent.run(threads=4)\n";

static const char C_PROGRAM[] =
    "/* @NAME@: ebb_agent.h beside it speaks with ebb; what is printed is logged. */\n"
    "#include \"ebb_agent.h\"\n"
    "\n"
    "/* The outputs that agent.yaml names, from the inputs that it names. */\n"
    "static int answer(struct ebb_call *call, void *owner) {\n"
    "    static char text[1 << 20];\n"
    "    int words = 0;\n"
    "    (void)owner;\n"
    "    (void)ebb_text(call->inputs, \"text\", text, sizeof text);\n"
    "    char *word = strtok(text, \" \\t\\n\");\n"
    "    while (word != NULL) {\n"
    "        words++;\n"
    "        word = strtok(NULL, \" \\t\\n\");\n"
    "    }\n"
    "    ebb_out_number(call, \"words\", words);\n"
    "    return 0;\n"
    "}\n"
    "\n"
    "int main(void) {\n"
    "    return ebb_run(answer, NULL);\n"
    "}\n";

static const char C_BUILD[] =
    "#!/bin/sh\n"
    "# Builds the program when a source that it is given is newer, and becomes it.\n"
    "set -eu\n"
    "for source in \"$@\"; do\n"
    "    if [ ! -e agent ] || [ \"$source\" -nt agent ]; then\n"
    "        ${CC:-cc} -O2 -o agent.new.$$ agent.c -lm\n"
    "        mv agent.new.$$ agent\n"
    "    fi\n"
    "done\n"
    "exec ./agent\n";

static const char JQ_MANIFEST[] =
    HEAD "summary: Counts the words of a text. Put your own filter in its place.\n"
         "kind: jq\n" TEXT_IN WORDS_OUT
         "filter: '{ words: ([.text | splits(\" +\")] | length) }' # its input is .\n";

static const char TEXT_MANIFEST[] =
    HEAD "summary: Tells praise from a complaint. Put your own texts in their place.\n"
         "kind: text\n" TEXT_IN "outputs:\n"
         "  label: { type: string }\n"
         "  score: { type: number, min: 0, max: 1 }\n"
         "model: { file: model.ebtm } # made of texts.tsv; the README says how\n";

static const char TEXTS[] = "praise\tthank you, that was quick and kind\n"
                            "praise\tvery good work, we are happy with it\n"
                            "praise\tthe new part fits well, many thanks\n"
                            "praise\ta friendly answer and good help\n"
                            "praise\teverything works well, thank you\n"
                            "praise\twe are happy, it came early\n"
                            "complaint\tthe part is broken and nobody answers\n"
                            "complaint\twe wait for two weeks, this is too late\n"
                            "complaint\tit does not work and we want our money back\n"
                            "complaint\tthe machine is broken again\n"
                            "complaint\tnobody came, we are still waiting\n"
                            "complaint\tthe wrong part came, and too late\n";

static const char ONNX_MANIFEST[] = HEAD
    "summary: Runs model.onnx. Say here what it finds out.\n"
    "kind: onnx\n"
    "model:\n"
    "  file: model.onnx # yours, beside this file\n"
    "  # metadata: metadata.json # its input_shape, input_type and preprocessing (mean, std)\n"
    "  # providers: [cuda, cpu] # what executes it, the best first\n"
    "limits: { memory: 256MiB } # of its weights and all that a call computes\n"
    "\n"
    "# As it stands the model's inputs and outputs are the agent's, by name, as lists of numbers.\n"
    "# `ebb check agent.yaml` opens the model and says what does not go together. Or it takes\n"
    "#\n"
    "# rows of numbers:\n"
    "# inputs:  { t: number, rh: number }\n"
    "# outputs: { score: number }\n"
    "# before:  { numbers: { features: [t, rh], mean: [4, 80], std: [3, 10] } }\n"
    "# after:   { value: { as: score } }\n"
    "#\n"
    "# a picture, and says what it shows; labels.txt has a label a line:\n"
    "# inputs:  { image: image }\n"
    "# outputs: { label: string, score: number, top: list }\n"
    "# before:  { image: { resize: crop, scale: 1/255, mean: [0.48, 0.46, 0.41], std: 0.23 } }\n"
    "# after:   { classifier: { labels: labels.txt, top: 5 } }\n"
    "#\n"
    "# a picture, and says where things are; `decode` may be blazeface, ssd, centre or boxes too:\n"
    "# inputs:  { image: image }\n"
    "# outputs: { objects: { type: list, of: { label: string, score: number, box: box } } }\n"
    "# before:  { image: { resize: letterbox, scale: 1/255 } }\n"
    "# after:   { detector: { decode: yolo8, labels: labels.txt, score: 0.25 } }\n";

static const char ONNX_README[] =
    "# @NAME@\n"
    "\n"
    "The manifest wants a model that is yours:\n"
    "\n"
    "    cp /path/to/yours.onnx model.onnx\n"
    "    ebb check agent.yaml        opens it, and says what does not go together\n"
    "    cd ../.. && ebb agent run @NAME@ --agents agents --with '{\"x\":[1,2]}'\n"
    "\n"
    "`x` stands for an input of the model; a picture is given by `--file image=photo.jpg`. A\n"
    "workflow in the folder above `agents` calls it with a step:\n"
    "\n"
    "    steps:\n"
    "      - id: look\n"
    "        agent: @NAME@\n"
    "        with:\n"
    "          x: ${ .event.data.x }\n";

static const char IMAGE_MANIFEST[] =
    HEAD "summary: Draws boxes into a picture.\n"
         "kind: image\n"
         "do: draw # crop cuts out what lies in the boxes, blur makes it unknowable\n"
         "# quality: 85 # of the JPEG that it gives\n"
         "# margin: 0.2 # of crop: so much more on each side\n"
         "inputs:\n"
         "  image: { type: image } # a JPEG or PNG\n"
         "  objects: { type: list } # a detector's; box: [x, y, width, height] in fractions\n"
         "outputs:\n"
         "  image: { type: image } # of crop: `images: list`\n";

static const char IMAGE_README[] =
    "# @NAME@\n"
    "\n"
    "    ebb check agent.yaml\n"
    "    cd ../.. && ebb agent run @NAME@ --agents agents --file image=photo.jpg --save out \\\n"
    "        --with '{\"objects\":[{\"label\":\"here\",\"box\":[0.25,0.25,0.5,0.5]}]}'\n"
    "\n"
    "A workflow in the folder above `agents` calls it with a step, behind one that finds things:\n"
    "\n"
    "    steps:\n"
    "      - id: find\n"
    "        agent: find-faces\n"
    "        with:\n"
    "          image: ${ .event.image }\n"
    "      - id: mark\n"
    "        needs: [find]\n"
    "        agent: @NAME@\n"
    "        with:\n"
    "          image: ${ .event.image }\n"
    "          objects: ${ .steps.find.objects }\n";

static const char HTTP_MANIFEST[] = HEAD
    "summary: Asks a service how many words a text has. Put your own in its place.\n"
    "kind: http\n"
    "url: http://127.0.0.1:8080/ # service.py listens there\n"
    "# method: POST # the inputs are its body, as JSON; under GET and DELETE they are the query\n"
    "# ca: ca.pem # of https, where the machine's own certificates do not know the service\n"
    "# proxy: http://proxy.lan:3128\n"
    "# headers:\n"
    "#   Authorization: Bearer secret:@NAME@ # `ebb secret set @NAME@` writes it\n" TEXT_IN
        WORDS_OUT;

static const char HTTP_SERVICE[] =
    "\"\"\"A service to try @NAME@ with: JSON in, JSON out.\"\"\"\n"
    "import http.server\n"
    "import json\n"
    "\n"
    "\n"
    "class Service(http.server.BaseHTTPRequestHandler):\n"
    "    def do_POST(self):\n"
    "        inputs = json.loads(self.rfile.read(int(self.headers[\"Content-Length\"])))\n"
    "        body = json.dumps({\"words\": len(inputs[\"text\"].split())}).encode()\n"
    "        self.send_response(200)\n"
    "        self.send_header(\"Content-Type\", \"application/json\")\n"
    "        self.send_header(\"Content-Length\", str(len(body)))\n"
    "        self.end_headers()\n"
    "        self.wfile.write(body)\n"
    "\n"
    "\n"
    "http.server.ThreadingHTTPServer((\"127.0.0.1\", 8080), Service).serve_forever()\n";

static const char README[] = "# @NAME@\n"
                             "\n"
                             "    ebb check agent.yaml\n"
                             "    cd ../.. && ebb agent run @NAME@ --agents agents --with "
                             "'{\"text\":\"a few words\"}'\n"
                             "\n"
                             "A workflow in the folder above `agents` calls it with a step:\n"
                             "\n"
                             "    steps:\n"
                             "      - id: look\n"
                             "        agent: @NAME@\n"
                             "        with:\n"
                             "          text: ${ .event.data.text }\n";

static const char TEXT_README[] =
    "# @NAME@\n"
    "\n"
    "texts.tsv has a text on each line: the label, a tab, the text. Put your own in, some dozens\n"
    "for each label at least, and train again:\n"
    "\n"
    "    ebb train text texts.tsv --out model.ebtm\n"
    "    cd ../.. && ebb agent run @NAME@ --agents agents --with '{\"text\":\"many thanks\"}'\n";

/* The model of the texts that stand in the folder already. */
static status write_model(const char *folder, struct buffer *out, struct error *err) {
    struct train_options options;
    train_options_init(&options);
    CLEANUP(buffer_done) struct buffer path;
    buffer_init(&path, SKELETON_BYTES_MAX);
    buffer_print(&path, "%s/texts.tsv", folder);
    TRY(buffer_status(&path, err));
    struct arena arena;
    arena_init(&arena, SKELETON_BYTES_MAX);
    struct train_report *report = arena_get(&arena, 1, sizeof(*report));
    const status ended = report == NULL ? fail(err, STATUS_NO_MEMORY, "no memory for a report")
                                        : train_text(path.bytes, &options, out, report, err);
    arena_done(&arena);
    return ended;
}

static status write_schema(const char *folder, struct buffer *out, struct error *err) {
    (void)folder;
    agent_manifest_schema(out);
    return buffer_status(out, err);
}

#define SCHEMA_FILE                                                                                \
    { .name = SKELETON_AGENT_SCHEMA, .write = write_schema }

static const struct skeleton_file PYTHON_FILES[] = {{.name = "agent.yaml", .text = PYTHON_MANIFEST},
                                                    {.name = "agent.py", .text = PYTHON_PROGRAM},
                                                    SCHEMA_FILE,
                                                    {.name = "README.md", .text = README}};
static const struct skeleton_file MESSAGES_FILES[] = {
    {.name = "agent.yaml", .text = MESSAGES_MANIFEST},
    {.name = "agent.py", .text = MESSAGES_PROGRAM},
    {.name = "ebb_agent.py", .text = PY_EBB_AGENT},
    SCHEMA_FILE,
    {.name = "README.md", .text = README}};
static const struct skeleton_file C_LINES_FILES[] = {
    {.name = "agent.yaml", .text = C_LINES_MANIFEST},
    {.name = "agent.c", .text = C_PROGRAM},
    {.name = "ebb_agent.h", .text = H_EBB_AGENT},
    {.name = "build.sh", .text = C_BUILD},
    SCHEMA_FILE,
    {.name = "README.md", .text = README}};
static const struct skeleton_file C_MESSAGES_FILES[] = {
    {.name = "agent.yaml", .text = C_MESSAGES_MANIFEST},
    {.name = "agent.c", .text = C_PROGRAM},
    {.name = "ebb_agent.h", .text = H_EBB_AGENT},
    {.name = "build.sh", .text = C_BUILD},
    SCHEMA_FILE,
    {.name = "README.md", .text = README}};
static const struct skeleton_file SHELL_FILES[] = {{.name = "agent.yaml", .text = SHELL_MANIFEST},
                                                   {.name = "agent.sh", .text = SHELL_PROGRAM},
                                                   SCHEMA_FILE,
                                                   {.name = "README.md", .text = README}};
static const struct skeleton_file JQ_FILES[] = {{.name = "agent.yaml", .text = JQ_MANIFEST},
                                                SCHEMA_FILE,
                                                {.name = "README.md", .text = README}};
static const struct skeleton_file TEXT_FILES[] = {{.name = "agent.yaml", .text = TEXT_MANIFEST},
                                                  {.name = "texts.tsv", .text = TEXTS},
                                                  {.name = "model.ebtm", .write = write_model},
                                                  SCHEMA_FILE,
                                                  {.name = "README.md", .text = TEXT_README}};

static const struct skeleton_file ONNX_FILES[] = {{.name = "agent.yaml", .text = ONNX_MANIFEST},
                                                  SCHEMA_FILE,
                                                  {.name = "README.md", .text = ONNX_README}};
static const struct skeleton_file IMAGE_FILES[] = {{.name = "agent.yaml", .text = IMAGE_MANIFEST},
                                                   SCHEMA_FILE,
                                                   {.name = "README.md", .text = IMAGE_README}};
static const struct skeleton_file HTTP_FILES[] = {{.name = "agent.yaml", .text = HTTP_MANIFEST},
                                                  {.name = "service.py", .text = HTTP_SERVICE},
                                                  SCHEMA_FILE,
                                                  {.name = "README.md", .text = README}};

#define RUN_WORDS "ebb agent run @NAME@ --agents agents --with '{\"text\":\"a few words\"}'"
#define RUN_IMAGE                                                                                  \
    "ebb agent run @NAME@ --agents agents --file image=photo.jpg --save out --with "               \
    "'{\"objects\":[{\"label\":\"here\",\"box\":[0.25,0.25,0.5,0.5]}]}'"
#define CHECK_ONNX "cp yours.onnx agents/@NAME@/model.onnx && ebb check agents/@NAME@/agent.yaml"
#define RUN_HTTP   "python3 agents/@NAME@/service.py & " RUN_WORDS

#define KIND_FILES(list) .files = (list), .count = sizeof(list) / sizeof((list)[0])

static const struct kind {
    const char *name, *language, *protocol; /* those two where the kind has several */
    const struct skeleton_file *files;
    size_t count;
    const char *next;
} KINDS[] = {{"process", "python", "lines", KIND_FILES(PYTHON_FILES), RUN_WORDS},
             {"process", "python", "messages", KIND_FILES(MESSAGES_FILES), RUN_WORDS},
             {"process", "c", "lines", KIND_FILES(C_LINES_FILES), RUN_WORDS},
             {"process", "c", "messages", KIND_FILES(C_MESSAGES_FILES), RUN_WORDS},
             {"process", "sh", "lines", KIND_FILES(SHELL_FILES), RUN_WORDS},
             {"jq", NULL, NULL, KIND_FILES(JQ_FILES), RUN_WORDS},
             {"text", NULL, NULL, KIND_FILES(TEXT_FILES), RUN_WORDS},
             {"onnx", NULL, NULL, KIND_FILES(ONNX_FILES), CHECK_ONNX},
             {"image", NULL, NULL, KIND_FILES(IMAGE_FILES), RUN_IMAGE},
             {"http", NULL, NULL, KIND_FILES(HTTP_FILES), RUN_HTTP}};

static bool fits(const char *word, const char *wanted) {
    return wanted == NULL || (word != NULL && strcmp(word, wanted) == 0);
}

static status find_kind(struct call *call, const struct kind **out_kind, struct error *err) {
    const char *option = call_option(call, "kind");
    const char *name = option != NULL ? option : "process";
    const char *language = call_option(call, "language");
    const char *protocol = call_option(call, "protocol");
    bool known = false, spoken = false;
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        const struct kind *kind = &KINDS[i];
        const bool named = fits(kind->name, name);
        known = known || named;
        spoken = spoken || (named && fits(kind->language, language));
        if (named && fits(kind->language, language) && fits(kind->protocol, protocol)) {
            *out_kind = kind;
            return STATUS_OK;
        }
    }
    if (!known) {
        return fail(err, STATUS_INVALID,
                    "--kind wants process, jq, text, onnx, image or http, not '%.40s'", name);
    }
    if (!spoken) {
        return fail(err, STATUS_INVALID,
                    "--language wants python, c or sh, for a process, not '%.40s'", language);
    }
    return fail(err, STATUS_INVALID,
                "--protocol wants lines or messages, for a process, in python or c, not '%.40s'",
                protocol);
}

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    const struct kind *kind = NULL;
    TRY(find_kind(call, &kind, err));
    TRY(skeleton_check_name("agent", name, err));
    const struct slice folder = arena_print(&call->arena, "agents/%s", name);
    if (folder.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a path");
    }
    const struct skeleton skeleton = {.what = "agent",
                                      .name = name,
                                      .folder = folder.bytes,
                                      .files = kind->files,
                                      .count = kind->count,
                                      .next = kind->next};
    return skeleton_write(call, &skeleton, err);
}

static const struct command_option OPTIONS[] = {
    {"kind", "KIND", "process (a program of yours), jq, text, onnx, image or http; process"},
    {"language", "WORD", "of a process: python, c or sh (python)"},
    {"protocol", "WORD", "of a process: lines or messages (lines)"},
    {0}};

const struct command cmd_new_agent = {
    .noun = "new",
    .verb = "agent",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Make an agent of your own that answers at once, to begin with",
    .details =
        "It is written into agents/NAME of this folder, where a workflow file that stands\n"
        "here finds it. Nothing that is there is written over. Besides programs there are\n"
        "jq (a filter), text (a model of texts and labels), onnx (a model of yours, which is\n"
        "to be put there), image (draws, crops, blurs) and http (a service).\n",
    .example = "ebb new agent look\n"
               "ebb new agent hear --language c --protocol messages\n"
               "ebb new agent mood --kind text\n"
               "ebb new agent find --kind onnx",
    .options = OPTIONS,
    .dry_run = true,
    .run = run};
