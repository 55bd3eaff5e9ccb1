"""Read, extend and write TFLite flatbuffers with the schema that mediapipe carries.

Only what assembling the bundles needs: cutting a part out, constants, operators behind the present outputs, and
the `TFLITE_METADATA` block from which MediaPipe Tasks learns how to normalise the input picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as schema
from numpy.typing import NDArray

MODEL_IDENTIFIER = b"TFL3"
METADATA_IDENTIFIER = b"M001"
METADATA_NAME = b"TFLITE_METADATA"

# TFLite reads constants in place; schema.fbs asks for this, the generated Python packer ignores it.
_BUFFER_ALIGNMENT = 16

# An optional input that an operator goes without.
_NO_TENSOR = -1

_TENSOR_TYPES = {np.dtype(np.float32): schema.TensorType.FLOAT32, np.dtype(np.int32): schema.TensorType.INT32}


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A constant that is written 16-byte aligned."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 - name given by the generated code
        data = None
        if self.data is not None:
            raw = np.asarray(self.data, np.uint8).tobytes()
            builder.StartVector(1, len(raw), _BUFFER_ALIGNMENT)
            builder.head -= len(raw)
            builder.Bytes[builder.head : builder.head + len(raw)] = raw
            data = builder.EndVector()
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        return int(schema.BufferEnd(builder))


class TfliteModel:
    """One model with one subgraph, open for extension. Tensors are named by their index."""

    def __init__(self, content: bytes) -> None:
        """Take the bytes of a .tflite file. Raises ValueError if they are none."""
        if content[4:8] != MODEL_IDENTIFIER:
            raise ValueError("not a TFLite model: identifier TFL3 is missing")
        self._model: Any = schema.ModelT.InitFromPackedBuf(content, 0)
        if len(self._model.subgraphs) != 1:
            raise ValueError("only models with one subgraph are supported")
        self._graph: Any = self._model.subgraphs[0]

    def output(self, name: str) -> int:
        """The tensor index of the output called `name`. Raises ValueError if there is none."""
        for index in self._graph.outputs:
            if self._graph.tensors[index].name.decode() == name:
                return int(index)
        raise ValueError(f"the model has no output {name!r}")

    def tensor(self, name: str) -> int:
        """The index of the tensor called `name`. Raises ValueError if there is none."""
        for index in range(len(self._graph.tensors)):
            if self._name(index) == name:
                return index
        raise ValueError(f"the model has no tensor {name!r}")

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The tensor's shape, batch first."""
        return tuple(int(size) for size in self._graph.tensors[tensor].shape)

    def constant(self, name: str, values: NDArray[Any]) -> int:
        """Add a float32 or int32 constant and return its tensor index."""
        index = self._tensor(name, values.shape, _TENSOR_TYPES[values.dtype])
        self._graph.tensors[index].buffer = self._buffer(values.tobytes())
        return index

    def gather(self, name: str, source: int, indices: int, axis: int) -> int:
        """GATHER: pick `indices` (1-D int32 constant) along `axis`."""
        shape = (*self.shape(source)[:axis], *self.shape(indices), *self.shape(source)[axis + 1 :])
        options = schema.GatherOptionsT(axis=axis)
        return self._operator(name, schema.BuiltinOperator.GATHER, [source, indices], shape, options)

    def mean(self, name: str, source: int, axis: int) -> int:
        """MEAN over one axis, which stays with length 1."""
        shape = tuple(1 if at == axis else size for at, size in enumerate(self.shape(source)))
        axes = self.constant(f"{name}_axis", np.array([axis], np.int32))
        options = schema.ReducerOptionsT(keepDims=True)
        return self._operator(name, schema.BuiltinOperator.MEAN, [source, axes], shape, options)

    def concatenate(self, name: str, sources: Sequence[int], axis: int) -> int:
        """CONCATENATION along `axis`."""
        first = self.shape(sources[0])
        total = sum(self.shape(source)[axis] for source in sources)
        options = schema.ConcatenationOptionsT(axis=axis)
        shape = (*first[:axis], total, *first[axis + 1 :])
        return self._operator(name, schema.BuiltinOperator.CONCATENATION, list(sources), shape, options)

    def reshape(self, name: str, source: int, shape: tuple[int, ...]) -> int:
        """RESHAPE to a fixed shape."""
        target = self.constant(f"{name}_shape", np.array(shape, np.int32))
        options = schema.ReshapeOptionsT(newShape=np.array(shape, np.int32))
        return self._operator(name, schema.BuiltinOperator.RESHAPE, [source, target], shape, options)

    def cut_out(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Keep only what leads from these tensors to those, which become the inputs and outputs, in this order.

        Raises ValueError for an unknown name, or if the outputs hang on anything else that is computed.
        """
        given, wanted = [self.tensor(name) for name in inputs], [self.tensor(name) for name in outputs]
        operators = self._operators_between(given, wanted)
        used = {int(tensor) for operator in operators for tensor in [*operator.inputs, *operator.outputs]}
        tensors = sorted((used | set(given) | set(wanted)) - {_NO_TENSOR})
        # Buffer 0 is the empty one by convention.
        buffers = sorted({0} | {self._graph.tensors[tensor].buffer for tensor in tensors})
        codes = sorted({operator.opcodeIndex for operator in operators})
        place = {tensor: at for at, tensor in enumerate(tensors)} | {_NO_TENSOR: _NO_TENSOR}
        for operator in operators:
            operator.inputs = np.array([place[int(tensor)] for tensor in operator.inputs], np.int32)
            operator.outputs = np.array([place[int(tensor)] for tensor in operator.outputs], np.int32)
            operator.opcodeIndex = codes.index(operator.opcodeIndex)
        self._graph.tensors = [self._graph.tensors[tensor] for tensor in tensors]
        for tensor in self._graph.tensors:
            tensor.buffer = buffers.index(tensor.buffer)
        self._graph.operators = operators
        self._graph.inputs = np.array([place[tensor] for tensor in given], np.int32)
        self._model.buffers = [self._model.buffers[buffer] for buffer in buffers]
        self._model.operatorCodes = [self._model.operatorCodes[code] for code in codes]
        # It described the whole model, by buffers that are gone.
        self._model.metadata = None
        self.set_outputs([place[tensor] for tensor in wanted])

    def set_outputs(self, tensors: Sequence[int]) -> None:
        """Make these tensors, in this order, the outputs."""
        self._graph.outputs = np.array(tensors, np.int32)
        # Signatures name the old outputs; MediaPipe does not read them.
        self._model.signatureDefs = None

    def set_metadata(self, *, name: str, version: str, mean: float, std: float) -> None:
        """Replace TFLITE_METADATA: name, version, and value = (pixel - mean) / std on the input."""
        content = _metadata(name, version, mean, std, [self._name(index) for index in self._graph.outputs])
        kept = [entry for entry in self._model.metadata or [] if entry.name != METADATA_NAME]
        self._model.metadata = [
            *kept,
            schema.MetadataT(name=METADATA_NAME.decode(), buffer=self._buffer(content)),
        ]

    def to_bytes(self) -> bytes:
        """The .tflite file; the same model gives the same bytes."""
        self._model.buffers = [_AlignedBuffer(data=buffer.data) for buffer in self._model.buffers]
        builder = flatbuffers.Builder(4 * 1024 * 1024)
        builder.Finish(self._model.Pack(builder), file_identifier=MODEL_IDENTIFIER)
        return bytes(builder.Output())

    def _operators_between(self, given: Sequence[int], wanted: Sequence[int]) -> list[Any]:
        maker = {int(tensor): at for at, made in enumerate(self._graph.operators) for tensor in made.outputs}
        needed: set[int] = set()
        open_tensors = list(wanted)
        while open_tensors:
            tensor = open_tensors.pop()
            if tensor in given or tensor == _NO_TENSOR or maker.get(tensor) in needed:
                continue
            if tensor in maker:
                needed.add(maker[tensor])
                open_tensors += [int(source) for source in self._graph.operators[maker[tensor]].inputs]
            elif tensor in self._graph.inputs:
                raise ValueError(f"{self._name(tensor)!r} is needed too")
        return [self._graph.operators[at] for at in sorted(needed)]

    def _name(self, tensor: int) -> str:
        name = self._graph.tensors[tensor].name
        return name.decode() if isinstance(name, bytes) else str(name)

    def _buffer(self, content: bytes) -> int:
        self._model.buffers.append(schema.BufferT(data=np.frombuffer(content, np.uint8)))
        return len(self._model.buffers) - 1

    def _tensor(self, name: str, shape: tuple[int, ...], kind: int) -> int:
        # Buffer 0 is the empty one by convention: a value that is computed.
        tensor = schema.TensorT(shape=np.array(shape, np.int32), type=kind, buffer=0, name=name)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _operator(self, name: str, code: int, inputs: list[int], shape: tuple[int, ...], options: Any) -> int:
        output = self._tensor(name, shape, schema.TensorType.FLOAT32)
        kind = type(options).__name__.removesuffix("T")
        self._graph.operators.append(
            schema.OperatorT(
                opcodeIndex=self._operator_code(code),
                inputs=np.array(inputs, np.int32),
                outputs=np.array([output], np.int32),
                builtinOptionsType=getattr(schema.BuiltinOptions, kind),
                builtinOptions=options,
            )
        )
        return output

    def _operator_code(self, code: int) -> int:
        codes = self._model.operatorCodes
        for index, known in enumerate(codes):
            # Models older than schema 3a hold the code in the deprecated 8-bit field only.
            if max(known.builtinCode, known.deprecatedBuiltinCode) == code:
                return index
        codes.append(schema.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=code, version=1))
        return len(codes) - 1


def _metadata(name: str, version: str, mean: float, std: float, outputs: Sequence[str]) -> bytes:
    normalization = metadata_schema.ProcessUnitT(
        optionsType=metadata_schema.ProcessUnitOptions.NormalizationOptions,
        options=metadata_schema.NormalizationOptionsT(
            mean=np.array([mean], np.float32), std=np.array([std], np.float32)
        ),
    )
    image = metadata_schema.TensorMetadataT(
        name="image",
        content=metadata_schema.ContentT(
            contentPropertiesType=metadata_schema.ContentProperties.ImageProperties,
            contentProperties=metadata_schema.ImagePropertiesT(colorSpace=metadata_schema.ColorSpaceType.RGB),
        ),
        processUnits=[normalization],
    )
    content = metadata_schema.ModelMetadataT(
        name=name,
        version=version,
        minParserVersion="1.0.0",
        subgraphMetadata=[
            metadata_schema.SubGraphMetadataT(
                inputTensorMetadata=[image],
                outputTensorMetadata=[metadata_schema.TensorMetadataT(name=output) for output in outputs],
            )
        ],
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(content.Pack(builder), file_identifier=METADATA_IDENTIFIER)
    return bytes(builder.Output())
