"""Public guides of keras.applications, run on Keras' networks and on these: nothing changes but the module.

Each guide is a function of the module. Both get the same weights, from a file that Keras wrote.
"""

import inspect
import subprocess
import sys
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from parity import assert_equal, randomise

from kerascnn import keras_applications as applications

pytestmark = pytest.mark.sharded
GIVEN = keras.applications
IMAGES = np.random.default_rng(1).integers(0, 256, (4, 96, 96, 3)).astype("float32")


def file_of(name, folder, **arguments):
    """Keras' network with random weights, saved by Keras."""
    model = getattr(GIVEN, name)(weights=None, **arguments)
    randomise(model)
    model.save(folder / f"{name}.h5")
    keras.backend.clear_session()
    return str(folder / f"{name}.h5")


def both(guide, *arguments):
    """What the guide gives with these networks, and with Keras'."""
    found = []
    for module in (applications, GIVEN):
        keras.backend.clear_session()
        found.append(guide(module, *arguments))
    return found


def test_grad_cam(tmp_path):
    def guide(applications, weights):
        model = applications.Xception(weights=weights)
        model.layers[-1].activation = None
        image = applications.xception.preprocess_input(np.resize(IMAGES, (1, 299, 299, 3)).copy())
        last = model.get_layer("block14_sepconv2_act")
        watched = keras.models.Model(model.inputs, [last.output, model.output])
        with tf.GradientTape() as tape:
            maps, scores = watched(image)
            score = scores[:, tf.argmax(scores[0])]
        importance = tf.reduce_mean(tape.gradient(score, maps), axis=(0, 1, 2))
        heatmap = tf.maximum(tf.squeeze(maps[0] @ importance[..., None]), 0)
        return scores.numpy(), (heatmap / tf.reduce_max(heatmap)).numpy()

    mine, theirs = both(guide, file_of("Xception", tmp_path))
    assert np.abs(mine[0] - theirs[0]).max() <= 1e-4 * np.abs(theirs[0]).max()
    assert mine[1].shape == (10, 10) and mine[1].max() == 1
    np.testing.assert_allclose(mine[1], theirs[1], atol=1e-3)


def test_transfer_learning(tmp_path):
    base = applications.Xception(
        weights=file_of("Xception", tmp_path, include_top=False, input_shape=(96, 96, 3)),
        input_shape=(96, 96, 3),
        include_top=False,
    )
    base.trainable = False
    inputs = keras.Input(shape=(96, 96, 3))
    x = layers.Rescaling(scale=1 / 127.5, offset=-1)(inputs)
    x = layers.GlobalAveragePooling2D()(base(x, training=False))
    model = keras.Model(inputs, layers.Dense(1)(layers.Dropout(0.2)(x)))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    images, targets = IMAGES[:2], np.array([0, 1])

    def changed(rate):
        before = {w.path: w.numpy() for w in model.weights}
        model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss)
        model.fit(images, targets, epochs=1, verbose=0)
        return {w.path for w in model.weights if not np.array_equal(w.numpy(), before[w.path])}

    head = {w.path for w in model.layers[-1].weights}
    assert changed(1e-3) == head and len(head) == 2
    base.trainable = True
    assert changed(1e-3) >= {w.path for w in model.trainable_weights} > head

    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", IMAGES)
    code = (
        "import sys, numpy, kerascnn, keras; folder = sys.argv[1]; model = keras.models.load_model(folder + "
        "'/model.keras'); numpy.save(folder + '/out.npy', model.predict(numpy.load(folder + '/images.npy'), verbose=0))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), model.predict(IMAGES, verbose=0), rtol=1e-4)


def deeplab(applications, weights, size=96, classes=5):
    def block(x, filters=256, kernel=3, rate=1):
        x = layers.Conv2D(filters, kernel, dilation_rate=rate, padding="same", use_bias=False)(x)
        return keras.ops.nn.relu(layers.BatchNormalization()(x))

    inputs = keras.Input(shape=(size, size, 3))
    preprocessed = applications.resnet50.preprocess_input(inputs)
    resnet50 = applications.ResNet50(weights=weights, include_top=False, input_tensor=preprocessed)
    keras.utils.set_random_seed(0)  # both decoders begin alike
    x = resnet50.get_layer("conv4_block6_2_relu").output
    side = x.shape[1]
    pooled = block(layers.AveragePooling2D(pool_size=(side, side))(x), kernel=1)
    pooled = layers.UpSampling2D(size=(side, side), interpolation="bilinear")(pooled)
    x = layers.Concatenate()([pooled, block(x, kernel=1), *(block(x, rate=rate) for rate in (6, 12, 18))])
    a = layers.UpSampling2D(size=size // 4 // side, interpolation="bilinear")(block(x, kernel=1))
    b = block(resnet50.get_layer("conv2_block3_2_relu").output, filters=48, kernel=1)
    x = block(block(layers.Concatenate()([a, b])))
    x = layers.UpSampling2D(size=4, interpolation="bilinear")(x)
    return keras.Model(inputs, layers.Conv2D(classes, 1, padding="same")(x))


def test_semantic_segmentation_by_deeplab(tmp_path):
    masks = np.random.default_rng(2).integers(0, 5, (4, 96, 96, 1))

    def guide(applications, weights):
        model = deeplab(applications, weights)
        logits = model(IMAGES).numpy()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss)
        return logits, [model.train_on_batch(IMAGES, masks) for _ in range(2)]

    mine, theirs = both(guide, file_of("ResNet50", tmp_path, include_top=False))
    assert mine[0].shape == (4, 96, 96, 5)
    assert_equal(mine[0], theirs[0], 1e-4)
    np.testing.assert_allclose(mine[1][0], theirs[1][0], rtol=1e-3)
    assert np.isfinite(mine[1]).all()


def test_deep_dream(tmp_path):
    settings = {"mixed4": 1.0, "mixed5": 1.5, "mixed6": 2.0, "mixed7": 2.5}

    def guide(applications, weights):
        model = applications.inception_v3.InceptionV3(weights=weights, include_top=False)
        outputs = {layer.name: layer.output for layer in [model.get_layer(name) for name in settings]}
        features = keras.Model(inputs=model.inputs, outputs=outputs)
        image = tf.constant(applications.inception_v3.preprocess_input(np.resize(IMAGES, (1, 128, 128, 3)).copy()))
        with tf.GradientTape() as tape:
            tape.watch(image)
            found = features(image)
            loss = sum(weight * tf.reduce_mean(found[name][:, 2:-2, 2:-2] ** 2) for name, weight in settings.items())
        gradient = tape.gradient(loss, image)
        gradient /= tf.maximum(tf.reduce_mean(tf.abs(gradient)), 1e-6)
        return loss.numpy(), (image + 0.01 * gradient).numpy(), gradient.numpy()

    mine, theirs = both(guide, file_of("InceptionV3", tmp_path, include_top=False))
    np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-4)
    assert_equal(mine[1], theirs[1], 1e-3)
    assert_equal(mine[2], theirs[2], 1e-3)


def test_siamese_network(tmp_path):
    def guide(applications, weights):
        resnet = applications.resnet
        base = resnet.ResNet50(weights=weights, input_shape=(64, 64, 3), include_top=False)
        keras.utils.set_random_seed(0)
        dense1 = layers.BatchNormalization()(layers.Dense(32, activation="relu")(layers.Flatten()(base.output)))
        embedding = keras.Model(base.input, layers.Dense(16)(dense1), name="Embedding")
        trainable = False
        for layer in base.layers:
            if layer.name == "conv5_block1_out":
                trainable = True
            layer.trainable = trainable
        inputs = [keras.Input(name=name, shape=(64, 64, 3)) for name in ("anchor", "positive", "negative")]
        anchor, positive, negative = [embedding(resnet.preprocess_input(x)) for x in inputs]
        distances = [keras.ops.sum((anchor - other) ** 2, -1) for other in (positive, negative)]
        siamese = keras.Model(inputs, distances)
        triplets = [IMAGES[:2, :64, :64], IMAGES[2:, :64, :64], IMAGES[:2, 32:, 32:]]
        before = [w.numpy() for w in base.weights]
        with tf.GradientTape() as tape:
            near, far = siamese(triplets, training=False)
            loss = tf.reduce_mean(tf.maximum(near - far + 0.5, 0) + near)
        gradients = tape.gradient(loss, siamese.trainable_weights)
        keras.optimizers.Adam(1e-4).apply_gradients(zip(gradients, siamese.trainable_weights, strict=True))
        learned = {
            layer.name
            for layer in base.layers
            if layer.trainable_weights and any(np.any(g) for g in tape_of(layer, siamese, gradients))
        }
        frozen = [
            np.array_equal(w.numpy(), old)
            for w, old in zip(base.weights, before, strict=True)
            if not w.path.startswith(("conv5_block2", "conv5_block3"))
        ]
        return np.stack([near, far]), loss.numpy(), learned, all(frozen)

    mine, theirs = both(guide, file_of("ResNet50", tmp_path, include_top=False, input_shape=(64, 64, 3)))
    assert_equal(mine[0], theirs[0], 1e-4)
    np.testing.assert_allclose(mine[1], theirs[1], rtol=1e-4)
    parts = [f"{i}_{part}" for i in (1, 2, 3) for part in ("conv", "bn")]
    assert mine[2] == theirs[2] == {f"conv5_block{block}_{part}" for block in (2, 3) for part in parts}
    assert mine[3] and theirs[3]


def tape_of(layer, model, gradients):
    """The gradients of a layer's weights."""
    wanted = {w.path for w in layer.trainable_weights}
    return [np.array(g) for w, g in zip(model.trainable_weights, gradients, strict=True) if w.path in wanted]


def test_neural_style_transfer(tmp_path):
    styles = ["block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1"]

    def guide(applications, weights):
        vgg19 = applications.vgg19
        model = vgg19.VGG19(weights=weights, include_top=False)
        extractor = keras.Model(inputs=model.inputs, outputs={layer.name: layer.output for layer in model.layers})
        base, style, picture = (tf.constant(vgg19.preprocess_input(image[None].copy())) for image in IMAGES[:3])
        with tf.GradientTape() as tape:
            tape.watch(picture)
            found = extractor(tf.concat([base, style, picture], axis=0))
            loss = 1e-6 * tf.reduce_mean((found["block5_conv2"][2] - found["block5_conv2"][0]) ** 2)
            for name in styles:
                flat = tf.reshape(tf.transpose(found[name], (0, 3, 1, 2)), (3, found[name].shape[-1], -1))
                gram = tf.matmul(flat, flat, transpose_b=True) / flat.shape[-1]
                loss += tf.reduce_mean((gram[1] - gram[2]) ** 2) / len(styles) * 1e-8
        names = [*styles, "block5_conv2"]
        return loss.numpy(), tape.gradient(loss, picture).numpy(), {name: found[name].numpy() for name in names}

    mine, theirs = both(guide, file_of("VGG19", tmp_path, include_top=False))
    for name, maps in theirs[2].items():
        assert np.abs(mine[2][name] - maps).max() <= 1e-5 * np.abs(maps).max(), name
    np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-4)
    assert np.abs(mine[1] - theirs[1]).max() <= 1e-4 * np.abs(theirs[1]).max()


def test_u_net_on_mobilenet_v2(tmp_path):
    names = [
        "block_1_expand_relu",
        "block_3_expand_relu",
        "block_6_expand_relu",
        "block_13_expand_relu",
        "block_16_project",
    ]

    def guide(applications, weights):
        base = applications.MobileNetV2(input_shape=[96, 96, 3], include_top=False, weights=weights)
        down = keras.Model(inputs=base.input, outputs=[base.get_layer(name).output for name in names])
        down.trainable = False
        inputs = keras.Input(shape=[96, 96, 3])
        *skips, x = down(inputs)
        for filters, skip in zip((64, 32, 16, 8), reversed(skips), strict=True):
            x = layers.Concatenate()([layers.Conv2DTranspose(filters, 3, strides=2, padding="same")(x), skip])
        model = keras.Model(inputs, layers.Conv2DTranspose(3, 3, strides=2, padding="same")(x))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
        scaled = IMAGES / 127.5 - 1
        masks = (IMAGES[..., :1] > 85).astype(int) + (IMAGES[..., :1] > 170)
        losses = model.fit(scaled, masks, epochs=2, verbose=0).history["loss"]
        assert model.output_shape == (None, 96, 96, 3) and len(model.trainable_weights) == 10
        return [part.numpy() for part in down(scaled)], losses

    mine, theirs = both(guide, file_of("MobileNetV2", tmp_path, include_top=False, input_shape=(96, 96, 3)))
    assert [part.shape[1:] for part in mine[0]] == [
        (48, 48, 96),
        (24, 24, 144),
        (12, 12, 192),
        (6, 6, 576),
        (3, 3, 320),
    ]
    for name, own, part in zip(names, mine[0], theirs[0], strict=True):
        assert np.abs(own - part).max() <= 1e-5 * np.abs(part).max(), name
    assert mine[1][-1] < mine[1][0]


def test_object_detection_by_retinanet(tmp_path):
    def guide(applications, weights):
        backbone = applications.ResNet50(include_top=False, input_shape=[None, None, 3], weights=weights)
        c3, c4, c5 = [
            backbone.get_layer(name).output for name in ["conv3_block4_out", "conv4_block6_out", "conv5_block3_out"]
        ]
        trunk = keras.Model(inputs=[backbone.inputs], outputs=[c3, c4, c5])
        keras.utils.set_random_seed(0)
        narrow = [layers.Conv2D(64, 1, 1, "same") for _ in range(3)]
        smooth = [layers.Conv2D(64, 3, 1, "same") for _ in range(3)]
        p3, p4, p5 = [convolution(maps) for convolution, maps in zip(narrow, trunk(IMAGES), strict=True)]
        p4 = p4 + layers.UpSampling2D(2)(p5)
        p3 = p3 + layers.UpSampling2D(2)(p4)
        p3, p4, p5 = [convolution(maps) for convolution, maps in zip(smooth, (p3, p4, p5), strict=True)]
        p6 = layers.Conv2D(64, 3, 2, "same")(p5)
        p7 = layers.Conv2D(64, 3, 2, "same")(tf.nn.relu(p6))
        return [p.numpy() for p in (p3, p4, p5, p6, p7)]

    mine, theirs = both(guide, file_of("ResNet50", tmp_path, include_top=False))
    assert [p.shape[1:] for p in mine] == [(side, side, 64) for side in (12, 6, 3, 2, 1)]
    for own, part in zip(mine, theirs, strict=True):
        assert_equal(own, part, 1e-4)


def test_fine_tuning_of_efficientnet(tmp_path):
    def guide(applications, weights):
        inputs = keras.Input(shape=(96, 96, 3))
        x = layers.RandomFlip()(layers.RandomRotation(factor=0.15)(inputs))
        model = applications.EfficientNetB0(include_top=False, input_tensor=x, weights=weights)
        model.trainable = False
        x = layers.BatchNormalization()(layers.GlobalAveragePooling2D(name="avg_pool")(model.output))
        outputs = layers.Dense(3, activation="softmax", name="pred")(layers.Dropout(0.2, name="top_dropout")(x))
        model = keras.Model(inputs, outputs, name="EfficientNet")
        scores = model(IMAGES, training=False).numpy()

        def changed():
            before = {w.path: w.numpy() for w in model.weights}
            optimizer = keras.optimizers.Adam(learning_rate=1e-2)
            model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
            model.fit(IMAGES, np.eye(3)[[0, 1, 2, 0]], epochs=1, verbose=0)
            return {w.path for w in model.weights if not np.array_equal(w.numpy(), before[w.path])}

        head = {w.path for layer in (model.layers[-3], model.layers[-1]) for w in layer.weights}
        assert changed() == head
        for layer in model.layers[-20:]:
            if not isinstance(layer, layers.BatchNormalization):
                layer.trainable = True
        learned = {w.path.rpartition("/")[0] for w in model.trainable_weights}
        assert changed() == {w.path for w in model.weights if w.path.rpartition("/")[0] in learned or w.path in head}
        return scores.shape, learned

    weights = file_of("EfficientNetB0", tmp_path, include_top=False, input_shape=(96, 96, 3))
    mine, theirs = both(guide, weights)
    assert mine[0] == theirs[0] == (4, 3)
    # Twenty layers from the end begin one or two layers earlier here: squeeze and reshape are one.
    assert theirs[1] <= mine[1] and mine[1] - theirs[1] <= {"block7a_dwconv"}
    assert {"top_conv", "block7a_project_conv", "block7a_se_reduce", "block7a_se_expand"} <= mine[1]


def test_tools_that_look_at_builders_and_models():
    given = inspect.signature(applications.MobileNetV2)
    assert str(given) == str(inspect.signature(GIVEN.MobileNetV2)).partition(" ->")[0]
    small = partial(applications.MobileNetV2, weights=None, alpha=0.35, input_shape=(96, 96, 3))
    model = small(classes=4)
    same = [keras.models.clone_model(model), keras.Model.from_config(model.get_config())]
    for copy in [*same, keras.models.model_from_json(model.to_json())]:
        copy.set_weights(model.get_weights())
        assert [layer.name for layer in copy.layers[1:]] == [layer.name for layer in model.layers[1:]]
        np.testing.assert_allclose(copy(IMAGES), model(IMAGES), rtol=1e-5)
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    assert "block_13_expand" in "\n".join(lines) and f"{model.count_params():,}" in "\n".join(lines)


def test_losses_are_given_by_the_name_of_the_output():
    model = applications.MobileNetV2(weights=None, alpha=0.35, input_shape=(96, 96, 3), classes=4)
    model.compile(optimizer="sgd", loss={"predictions": "sparse_categorical_crossentropy"})
    assert model.output_names == ["predictions"] and np.isfinite(model.train_on_batch(IMAGES, np.arange(4)))


@pytest.mark.parametrize("name", ["InceptionV3", "Xception", "EfficientNetB0"])
def test_new_layers_have_names_of_their_own(name):
    """Keras counts layers of a kind: those before and behind the network, and a second one, get the next numbers."""

    def guide(applications):
        inputs = keras.Input((96, 96, 1))
        x = layers.Rescaling(2.0)(layers.Normalization(mean=0.0, variance=1.0)(layers.Conv2D(3, 1)(inputs)))
        build = getattr(applications, name)
        base = build(weights=None, include_top=False, input_tensor=x)
        for kind in (layers.Conv2D(8, 1), layers.BatchNormalization(), layers.Activation("relu"), layers.Rescaling(2)):
            x = kind(x if x.shape[-1] == 8 else base.output)
        second = build(weights=None, include_top=False, pooling="avg", input_shape=(96, 96, 3))
        model = keras.Model(base.input, x)
        counted = ("conv2d", "batch_normalization", "normalization", "rescaling", "global_average")
        return {layer.name for layer in (*model.layers, *second.layers) if layer.name.startswith(counted)}

    mine, theirs = both(guide)
    assert mine == theirs and {"conv2d", "rescaling", "normalization"} <= mine
